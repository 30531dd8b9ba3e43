// Sees the reads that nobody asked for: plain fs.readFile, readdir, stat and the like on files of the workspace, and process.env.
//
// They belong to the process, since what was read may stay in its memory, and count for every node that runs then or later
// (docs/plugin-protocol.md). What imports read is left out: code identity sees to it.

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

import { calling } from "./call.js";
import { environment, optionsOfNode } from "./environment.js";
import { plain } from "./plain_fs.js";

const WATCHED = {
  file: ["readFile", "readFileSync", "createReadStream", "open", "openSync", "copyFile", "copyFileSync", "openAsBlob"],
  listing: ["readdir", "readdirSync", "opendir", "opendirSync"],
  status: ["stat", "statSync", "exists", "existsSync", "access", "accessSync"],
  link: ["lstat", "lstatSync", "readlink", "readlinkSync", "realpath", "realpathSync"],
  tree: ["cp", "cpSync"],
};

/** What makes something, with the place of its name among the arguments. */
const MAKES = {
  0: ["writeFile", "writeFileSync", "appendFile", "appendFileSync", "createWriteStream", "mkdir", "mkdirSync"],
  1: ["rename", "renameSync", "copyFile", "copyFileSync", "cp", "cpSync", "link", "linkSync", "symlink", "symlinkSync"],
};

/** Code whose reads are no node's: this package, what it serves with, and the loader of modules. */
const OURS = [fileURLToPath(new URL(".", import.meta.url)), new URL(".", import.meta.url).href, "/node_modules/@grpc/", "node:internal/modules/"];

/** The variables by which calyx talks to the SDK, and those that steer Node itself. */
const NOT_OF_NODES = /^(CALYX_PLUGIN_COOKIE|PLUGIN_.*|NODE_.*)$/;

class Watch {
  #workspace = process.cwd();
  #seen = new Map();
  #fresh = [];
  #named = 0;
  #made = new Set();

  /** Begin to watch; there is no way back. */
  start() {
    const watch = (names, look) => names.forEach((name) => [fs, fs.promises].forEach((owner) => wrap(owner, name, look(name))));
    for (const [kind, names] of Object.entries(WATCHED)) watch(names, (name) => (path, how) => this.#look(kind, path, how, flagsOf(name, how)));
    for (const [place, names] of Object.entries(MAKES)) watch(names, () => (...args) => this.#makes(args[place]));
    // Node reads these in native code.
    wrap(process, "loadEnvFile", (path = ".env") => this.#look("file", path));
    for (const path of optionsOfNode("--env-file", "--env-file-if-exists")) {
      const subject = this.#subject(path);
      if (subject !== undefined) this.#add("file", subject, path);
    }
    process.env = this.#environment();
    syncBuiltinESMExports();
  }

  /** @returns {{reads: object[]}} the reads since the last time: a need may follow from them. What stood there is told later, by fresh. */
  named() {
    const reads = this.#fresh.slice(this.#named);
    this.#named = this.#fresh.length;
    return { reads: reads.map(({ request }) => request) };
  }

  /** @returns {{reads: object[], stood: object[]}} the reads since the last time, with what stood at each. */
  fresh() {
    this.#named = 0;
    return this.#observed(this.#fresh.splice(0));
  }

  /** @returns {{reads: object[], stood: object[]}} every read so far. */
  all() {
    this.#fresh = [];
    this.#named = 0;
    return this.#observed([...this.#seen.values()]);
  }

  /** @returns {{reads: object[], stood: object[]}} what a call was the first to look for in vain, and the process has not made since. */
  missedBy(call) {
    const missed = call.missed.filter(({ subject }) => !this.#isMade(subject));
    return { reads: missed.map(({ request }) => request), stood: missed.map(({ stood }) => stood) };
  }

  #observed(reads) {
    return {
      reads: reads.map(({ request }) => request),
      stood: reads.map(({ subject, stood }) => (stood.absent || this.#isMade(subject) ? {} : stood)),
    };
  }

  #look(kind, path, how, flags) {
    if (kind === "file" && mayWrite(flags)) this.#makes(path);
    if (kind === "file" && onlyWrites(flags)) return;
    const subject = this.#subject(path);
    if (subject === undefined) return;
    if (kind === "tree" || (kind === "listing" && how?.recursive)) return this.#below(kind, pathText(path), new Set());
    if (kind === "link") this.#note("exists", subject, path); // which tells a link from others, and where it leads
    this.#note(kind === "status" || kind === "link" ? seenByStatus(path) : kind, subject, path);
  }

  /** Take a look at a folder and all below it: at the names, and where it is copied at the files too. */
  #below(kind, path, above) {
    const status = statusOf(path);
    if (!status?.isDirectory()) return this.#look(kind === "tree" ? "file" : "listing", path);
    this.#look("listing", path);
    const own = `${status.dev} ${status.ino}`;
    if (above.has(own)) return; // a link leads back
    for (const entry of namesIn(path)) {
      const inside = join(path, entry.name);
      if (kind === "tree" || statusOf(inside)?.isDirectory()) this.#below(kind, inside, new Set(above).add(own));
    }
  }

  /** The path in the workspace; undefined for one elsewhere, of calyx itself, or that calyx gave to the call. */
  #subject(path) {
    if (typeof path !== "string" && !Buffer.isBuffer(path) && !(path instanceof URL && path.protocol === "file:")) return undefined;
    let full = resolve(pathText(path));
    if (!this.#holds(full)) full = realPath(full); // a link may lead into the workspace
    if (full === this.#workspace) return ".";
    if (!this.#holds(full) || calling()?.knows(full)) return undefined;
    const subject = full.slice(this.#workspace.length + 1);
    return /^\.calyx($|\/)|(^|\/)node_modules($|\/)/.test(subject) ? undefined : subject;
  }

  #holds(full) {
    return full === this.#workspace || full.startsWith(this.#workspace + "/");
  }

  #note(kind, subject, path) {
    const seen = this.#seen.get(`${kind} ${subject}`);
    if (seen ? kind !== "file" : isOurs()) return;
    this.#add(kind, subject, path, seen);
  }

  #add(kind, subject, path, seen) {
    const read = { subject, request: { [kind]: kind === "env" ? subject : Buffer.from(subject) }, stood: kind === "env" ? {} : stood(path) };
    if (seen && !isAnother(seen.stood, read.stood)) return;
    this.#seen.set(`${kind} ${subject}`, read);
    this.#fresh.push(read);
    if (read.stood.absent) calling()?.missed.push(read);
  }

  /** Take something that the process itself makes or may change: it is no edit of the user's. */
  #makes(path) {
    const subject = this.#subject(path);
    if (subject !== undefined) this.#made.add(subject);
  }

  /** Tell whether the process itself may have made what is there, or a folder in which it is. */
  #isMade(subject) {
    return [...this.#made].some((made) => subject === made || subject.startsWith(made + "/"));
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

/** Have look told the arguments of a function of owner before it is called. */
function wrap(owner, name, look) {
  const original = owner[name];
  if (typeof original !== "function") return;
  const watched = function (...args) {
    look(...args);
    return original.apply(this, args);
  };
  owner[name] = Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
}

/** A status shows how long a file is: that is part of its content. Of a folder it shows that it is there. */
function seenByStatus(path) {
  return statusOf(path)?.isFile() ? "file" : "exists";
}

/** What stands at a path that is about to be read. */
function stood(path) {
  const st = statusOf(path, { bigint: true });
  if (st === undefined) return { absent: true };
  if (!st.isFile()) return {};
  return { inode: words(st.ino), size: words(st.size), mtime: words(st.mtimeNs), ctime: words(st.ctimeNs) };
}

/** Tell whether a file that was read once stands there as another one, or was changed. */
function isAnother(before, now) {
  return now.inode !== undefined && !isDeepStrictEqual(before, now);
}

/** The status of a path; undefined where nothing is reached by it, whatever the reason. */
function statusOf(path, options) {
  try {
    return plain.statSync(path, options);
  } catch {
    return undefined;
  }
}

/** Where a path leads; of one at which there is nothing, where its folder does. */
function realPath(path) {
  for (const [folder, name] of [[path, ""], [dirname(path), basename(path)]]) {
    try {
      return join(plain.realpathSync(folder), name);
    } catch {
      // Then it is the folder's, or it leads nowhere.
    }
  }
  return path;
}

/** What is in a folder, if that may be known. */
function namesIn(path) {
  try {
    return plain.readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

const pathText = (path) => (path instanceof URL ? fileURLToPath(path) : path.toString());

/** A BigInt as the codec takes it. */
function words(n) {
  return { low: Number(BigInt.asIntN(32, n)), high: Number(BigInt.asIntN(32, n >> 32n)) };
}

/** The flags of a call: of open its argument, of others an option. (A word there is an encoding, or the name of a copy.) */
function flagsOf(name, how) {
  return name.startsWith("open") && typeof how !== "object" ? how : how?.flags ?? how?.flag;
}

function onlyWrites(flags) {
  return typeof flags === "number" ? (flags & fs.constants.O_ACCMODE) === fs.constants.O_WRONLY : typeof flags === "string" && /^[wax]/.test(flags);
}

function mayWrite(flags) {
  return typeof flags === "number" ? (flags & fs.constants.O_ACCMODE) !== fs.constants.O_RDONLY : typeof flags === "string" && /^[wax]|\+/.test(flags);
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
