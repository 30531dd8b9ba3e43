// Values between JavaScript and the protocol: small ones inline, large ones as files.
//
// A value that JSON can hold is JSON; bytes and arrays of numbers are files of their formats. Where such things sit inside of other
// values, the value is a list of values: first JSON {"$parts": …} in which {"$part": n} stands for the nth of those that follow.

import { basename, resolve } from "node:path";

import { UnstorableError } from "./errors.js";
import { File, contentOf, pathOf } from "./files.js";
import { readJSON, writeJSON } from "./json.js";
import { isArray, readNpy, writeNpy } from "./npy.js";
import { plain } from "./plain_fs.js";
import { LONG_ITEM, MAX_INLINE, Value } from "./protocol.js";

const JSON_TYPE = "application/json";
const BINARY = "application/octet-stream";
const NPY = "application/x-npy";
const FILE = "application/vnd.calyx.file";
const TREE = "application/vnd.calyx.tree";
const LIST = "application/vnd.calyx.list";

/** The bytes that the parts of one value may have inline together. */
const MAX_TOGETHER = 1 << 20;

/** Write the result of a call. */
export function encode(call, value) {
  const message = new Encoder(call).value(value, "the value");
  if (Value.encode(message).len > LONG_ITEM) throw new UnstorableError("the value has too many arrays or files in it; join them into one");
  return message;
}

class Encoder {
  #call;
  #inline = 0;

  constructor(call) {
    this.#call = call;
  }

  value(value, where) {
    if (value === undefined) return {};
    if (value instanceof Uint8Array) return this.#content(value, BINARY);
    return this.#part(value, where) ?? (isPartList(value) ? this.#list(value, where) : this.#json(value, where));
  }

  /** Encode what is a file of its own, whatever it is in. */
  #part(value, where) {
    if (value instanceof File) return this.#file(value, where);
    if (isArray(value)) return this.#content(writeNpy(value, where), NPY, ".npy");
    return undefined;
  }

  #list(values, where) {
    return { mediaType: LIST, list: { items: values.map((v, i) => this.value(v, `${where}[${i}]`)) } };
  }

  #json(value, where) {
    const parts = [];
    const text = writeJSON(value, where, (inner) => {
      const part = this.#part(inner, `a part of ${where}`);
      return part && `{"$part":${parts.push(part)}}`;
    });
    if (parts.length === 0) return this.#content(Buffer.from(text), JSON_TYPE);
    return { mediaType: LIST, list: { items: [this.#content(Buffer.from(`{"$parts":${text}}`), JSON_TYPE), ...parts] } };
  }

  #content(bytes, mediaType, end = "") {
    if (bytes.length <= MAX_INLINE && this.#inline + bytes.length <= MAX_TOGETHER) {
      this.#inline += bytes.length;
      return { mediaType, inline: bytes };
    }
    const path = this.#call.newFile(end);
    plain.writeFileSync(path, bytes);
    return { mediaType, path: Buffer.from(path) };
  }

  /** Take a file or folder that the node wrote. One that is not the call's own is copied. */
  #file(file, where) {
    let path = file.own;
    if (path === undefined) throw new UnstorableError(`${where} is a File of a stored node; return what it holds, or new File(await file.path())`);
    path = resolve(path);
    if (!this.#call.owns(path)) {
      const copy = this.#call.newFile("-" + basename(path));
      plain.cpSync(path, copy, { recursive: true, dereference: true });
      path = copy;
    }
    const status = plain.statSync(path);
    if (status.isDirectory()) return { mediaType: TREE, path: Buffer.from(path) };
    return { mediaType: FILE, path: Buffer.from(path), executable: (status.mode & 0o100) !== 0 };
  }
}

/** A list of files or arrays is a list of values to calyx, so that its elements can be seen one by one. */
const isPartList = (value) => Array.isArray(value) && value.length > 0 && value.every((v) => v instanceof File || isArray(v));

/**
 * Read a value that calyx gave to a call.
 * @param {string} [type] the type of the parameter that it is for
 */
export function decode(call, value, type = "any") {
  if (value.mediaType === "" && value.content === undefined) return undefined;
  const isFile = value.mediaType === TREE || (value.mediaType === FILE && type !== "bytes" && type !== "string");
  if (isFile || type === "file" || type === "tree") return new File(pathOf(call, value, "value"));
  switch (value.mediaType) {
    case LIST:
      return decodeList(call, value.list.items);
    case JSON_TYPE:
      return readJSON(contentOf(value).toString());
    case NPY:
      return type === "bytes" ? contentOf(value) : (readNpy(contentOf(value)) ?? new File(pathOf(call, value, "value.npy")));
    default: {
      const bytes = contentOf(value);
      return type === "string" || (type !== "bytes" && value.mediaType.startsWith("text/")) ? bytes.toString() : bytes;
    }
  }
}

function decodeList(call, items) {
  const first = items[0]?.mediaType === JSON_TYPE ? contentOf(items[0]).toString() : "";
  if (!first.startsWith('{"$parts":')) return items.map((item) => decode(call, item));
  const part = (tag, n, read) => {
    if (tag === "$parts") return read(n);
    const item = tag === "$part" ? items[n] : undefined;
    if (!item) throw new UnstorableError(`a value has the form ${JSON.stringify(tag)}, which only another language knows`);
    return item.mediaType === BINARY ? new File(pathOf(call, item, "value")) : decode(call, item);
  };
  return readJSON(first, part);
}
