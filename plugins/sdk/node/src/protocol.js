// The messages of the plugin protocol, version 1.

import { createRequire } from "node:module";
import protobuf from "protobufjs/light.js";

const root = protobuf.Root.fromJSON(createRequire(import.meta.url)("./protocol.json"));

export const VERSION = 1;

/** The greatest message in bytes, in both directions. */
export const MAX_MESSAGE = 4 << 20;

/** The length in bytes up to which a value is inline. */
export const MAX_INLINE = 64 << 10;

/** The bytes that no item exceeds: those of its message, and what stands around it. */
export const LONG_ITEM = 3 << 20;

/** The bytes of items up to which more are put into the same message. */
export const GOOD_MESSAGE = 1 << 20;

const lookup = (name) => root.lookupType("calyx.plugin.v1." + name);

export const DescribeRequest = lookup("DescribeRequest");
export const DescribeResponse = lookup("DescribeResponse");
export const SessionRequest = lookup("SessionRequest");
export const PluginItem = lookup("PluginItem");
export const Request = lookup("Request");
export const Value = lookup("Value");
export const Literal = lookup("Literal");
export const View = Object.freeze(root.lookupEnum("calyx.plugin.v1.View.Kind").values);

/** Make a SessionResponse of items that are encoded already. */
export function joinItems(items) {
  const writer = protobuf.Writer.create();
  for (const item of items) writer.uint32(0x0a).bytes(item);
  return Buffer.from(writer.finish());
}
