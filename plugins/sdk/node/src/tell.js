// What a node may tell while it runs, and the folders that it may write to.

import { inspect } from "node:util";

import { currentCall } from "./call.js";
import { plain } from "./plain_fs.js";

/** Tell how far the node is; total may be left out where nobody knows it. */
export function progress(done, total = 0, unit = "") {
  currentCall("progress").progress(done, total, unit);
}

/** Add a line to the node's log. */
export function log(...parts) {
  currentCall("log").printed(Buffer.from(parts.map((part) => (typeof part === "string" ? part : inspect(part))).join(" ") + "\n"));
}

/** Report a number about the node, kept with its result: tokens, dollars, loss. */
export function metric(name, value, unit = "") {
  if (typeof name !== "string" || name === "") throw new TypeError("metric: a metric has a name");
  currentCall("metric").say({ metric: { name, value: Number(value), unit } });
}

/** @returns {string} a private folder for temporary files, which calyx removes after the call. */
export const scratch = () => made(currentCall("scratch").start.scratch);

/** @returns {string} a folder for files that become the result, as `new File(path)`. */
export const outDir = () => made(currentCall("outDir").start.outDir);

/** @returns {AbortSignal} aborted when calyx ends the call, for fetch and the like. */
export const signal = () => currentCall("signal").signal;

function made(folder) {
  plain.mkdirSync(folder, { recursive: true });
  return folder.toString();
}
