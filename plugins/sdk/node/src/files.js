// Files as values, and the content of values that are files.

import { basename, join } from "node:path";

import { plain } from "./plain_fs.js";

/**
 * A file or folder whose content is a value, where a path is only a name. Return `new File(path)` for one that a node wrote, best below
 * `outDir()`. What reads the node gets a File with the same content, whose path is calyx's to choose, and which is to be read only.
 */
export class File {
  #path;

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
  }

  /** The path of a file that is not a node's; undefined for one whose path must be asked for. */
  get own() {
    return this.#path;
  }

  /** The last part of the path. */
  get name() {
    return basename(this.#path);
  }

  /** @returns {Promise<string>} the path, for programs that want one. */
  async path() {
    return this.#path;
  }

  /** @returns {Promise<string>} the text of the file. */
  async text() {
    return (await this.bytes()).toString();
  }

  /** @returns {Promise<Buffer>} the bytes of the file. */
  async bytes() {
    return plain.promises.readFile(await this.path());
  }

  /** @returns {Promise<unknown>} what the file means as JSON. */
  async json() {
    return JSON.parse(await this.text());
  }

  /** @returns {Promise<boolean>} whether there is something at the path. */
  async exists() {
    return plain.existsSync(await this.path());
  }

  /** @returns {Promise<string[]>} the sorted paths of all files in the folder. */
  async names() {
    return filesBelow(await this.path(), "");
  }

  /** @param {string} name */
  file(name) {
    return new File(join(this.#path, name));
  }
}

function filesBelow(folder, prefix) {
  const entries = plain.readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((e) => (e.isDirectory() ? filesBelow(join(folder, e.name), `${prefix}${e.name}/`) : [prefix + e.name])).sort();
}

/** Tell whether the value is a file or folder. */
export const isMapped = (value) => value.content === "path";

/** @returns {Buffer} the bytes of a value. */
export const contentOf = (value) => (isMapped(value) ? plain.readFileSync(value.path) : Buffer.from(value.inline));

/** @returns {string} the path of a file with the value's content; one that came inline is written. */
export function pathOf(call, value, name) {
  let path;
  if (isMapped(value)) {
    path = value.path.toString();
  } else {
    path = call.newFile("-" + name);
    plain.writeFileSync(path, value.inline);
  }
  call.given.add(path);
  return path;
}
