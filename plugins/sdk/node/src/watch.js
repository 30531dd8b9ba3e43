// Sees the reads that nobody asked for: plain fs.readFile, readdir, stat and the like on files of the workspace, and process.env.
//
// They belong to the process, since what was read may stay in its memory, and count for every node that runs then or later
// (docs/plugin-protocol.md). What imports read is left out: code identity sees to it.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { calling } from "./call.js";
import { environment } from "./environment.js";
import { plain } from "./plain_fs.js";

const WATCHED = {
  file: ["readFile", "readFileSync", "createReadStream", "open", "openSync", "copyFile", "copyFileSync", "openAsBlob"],
  listing: ["readdir", "readdirSync", "opendir", "opendirSync"],
  status: ["stat", "statSync", "lstat", "lstatSync", "exists", "existsSync", "access", "accessSync", "realpath", "realpathSync"],
};

/** Code whose reads are no node's: this package, what it serves with, and the loader of modules. */
const OURS = [fileURLToPath(new URL(".", import.meta.url)), new URL(".", import.meta.url).href, "/node_modules/@grpc/", "node:internal/modules/"];

/** The variables by which calyx talks to the SDK, and those that steer Node itself. */
const NOT_OF_NODES = /^(CALYX_PLUGIN_COOKIE|PLUGIN_.*|NODE_.*)$/;

class Watch {
  #workspace = process.cwd();
  #seen = new Map();
  #fresh = [];

  /** Begin to watch; there is no way back. */
  start() {
    for (const [kind, names] of Object.entries(WATCHED)) {
      for (const name of names) {
        this.#wrap(fs, name, kind);
        this.#wrap(fs.promises, name, kind);
      }
    }
    process.env = this.#environment();
    syncBuiltinESMExports();
  }

  /** @returns {object[]} the reads since the last time. */
  fresh() {
    return this.#fresh.splice(0);
  }

  /** @returns {object[]} every read so far. */
  all() {
    this.#fresh = [];
    return [...this.#seen.values()];
  }

  #wrap(owner, name, kind) {
    const original = owner[name];
    if (typeof original !== "function") return;
    const look = (path, mode) => this.#look(kind, path, mode);
    const watched = function (path, ...args) {
      look(path, args[0]);
      return original.call(this, path, ...args);
    };
    owner[name] = Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
  }

  #look(kind, path, mode) {
    const subject = this.#subject(path);
    if (subject === undefined || (kind === "file" && writes(mode))) return;
    this.#note(kind === "status" ? seenByStatus(path) : kind, subject);
  }

  /** The path in the workspace; undefined for one elsewhere, of calyx itself, or that calyx gave to the call. */
  #subject(path) {
    if (typeof path !== "string" && !Buffer.isBuffer(path) && !(path instanceof URL && path.protocol === "file:")) return undefined;
    const full = resolve(path instanceof URL ? fileURLToPath(path) : path.toString());
    if (full === this.#workspace) return ".";
    if (!full.startsWith(this.#workspace + "/") || calling()?.knows(full)) return undefined;
    const subject = full.slice(this.#workspace.length + 1);
    return /^\.calyx($|\/)|(^|\/)node_modules($|\/)/.test(subject) ? undefined : subject;
  }

  #note(kind, subject) {
    const key = `${kind} ${subject}`;
    if (this.#seen.has(key) || isOurs()) return;
    const request = { [kind]: kind === "env" ? subject : Buffer.from(subject) };
    this.#seen.set(key, request);
    this.#fresh.push(request);
  }

  #environment() {
    const look = (name) => typeof name === "string" && !NOT_OF_NODES.test(name) && this.#note("env", name);
    return new Proxy(process.env, {
      get: (target, name) => (look(name), target[name]),
      has: (target, name) => (look(name), name in target),
      ownKeys: (target) => (Object.keys(environment).forEach(look), Reflect.ownKeys(target)),
      getOwnPropertyDescriptor: (target, name) => (look(name), Reflect.getOwnPropertyDescriptor(target, name)),
      defineProperty: (target, name, { value }) => Reflect.set(target, name, value),
    });
  }
}

/** A status shows how long a file is: that is part of its content. Of a folder it shows that it is there. */
function seenByStatus(path) {
  return plain.statSync(path, { throwIfNoEntry: false })?.isFile() ? "file" : "exists";
}

/** Flags of open, or options of createReadStream and readFile. */
function writes(mode) {
  const flags = typeof mode === "object" ? mode?.flags ?? mode?.flag : mode;
  if (typeof flags === "number") return (flags & fs.constants.O_ACCMODE) === fs.constants.O_WRONLY;
  return typeof flags === "string" && /^[wax]/.test(flags);
}

/** Tell whether it was the loader, or the SDK itself, that read: the code that did it, not what led to it. */
function isOurs() {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const frames = new Error().stack.split("\n").slice(1);
  Error.stackTraceLimit = limit;
  const caller = frames.find((frame) => !frame.includes(import.meta.url) && !/node:(fs|internal\/fs)/.test(frame));
  return caller === undefined || OURS.some((place) => caller.includes(place));
}

/** The watch of this process. */
export const watch = new Watch();
