// Code identity: what of the project, of its packages and of Node decides what the functions compute.
//
// It covers the graph of modules from the program's entry file, and from those that Node is told to load before it, along imports and
// requires with fixed names. A module counts by its syntax tree, so comments, formatting and its own path do not.

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { optionsOfNode } from "./environment.js";
import { plain } from "./plain_fs.js";
import { extended, imported, IS_CONFIG, isLocal, isSource, loaded, meaning, references, spoken, syntax } from "./references.js";
import { described, foldersUp, isFile, isFolder, localPath, nearest, packageOf, recordOf, resolveFrom, rootOf, statusOf } from "./resolution.js";

const HERE = dirname(fileURLToPath(import.meta.url));

/** Add code identity to a description, and what it rests on. */
export async function addIdentity(description) {
  const graph = new Graph();
  graph.program();
  const code = graph.digest();
  const notes = [...graph.notes].sort();
  const parts = graph.parts();
  const all = [...parts.keys()];
  const request = (kind) => (path) => ({ [kind]: Buffer.from(inWorkspace(path)) });
  return {
    ...description,
    sources: [...graph.files].sort().map((path) => Buffer.from(inWorkspace(path))),
    functions: description.functions.map((f) => ({ ...f, code, notes, parts: all })),
    parts,
    reads: [...description.reads, ...[...graph.records].sort().map(request("file")), ...[...graph.absent].sort().map(request("exists")), ...[...graph.folders].sort().map(request("listing"))],
  };
}

function inWorkspace(path) {
  const inside = relative(process.cwd(), path) || ".";
  return /^\.\.($|\/)/.test(inside) ? path : inside;
}

/** The modules of the project that a program reaches, and the packages. */
class Graph {
  /** Files of the project. */
  files = new Set();
  /** The package.json of each package that is reached. */
  records = new Set();
  /** Paths of which counts whether they are there, and where links lead. */
  absent = new Set();
  /** Folders all of whose sources count. */
  folders = new Set();
  /** What cannot be seen, for people. */
  notes = new Set();
  #modules = new Map();
  #packages = new Map();
  #missing = new Map();

  /** @returns {string} the digest of everything that was reached. */
  digest() {
    const hash = createHash("sha256").update(`node ${process.versions.node}\n`);
    const words = [process.execArgv, process.argv.slice(2)];
    // Loaders give Node paths of their own files.
    if (words.flat().length > 0) hash.update(JSON.stringify(words).replaceAll(process.cwd(), ".") + "\n");
    for (const text of [...this.#packages.values(), ...this.#missing.values()].sort()) hash.update(text + "\n");
    const numbers = new Map([...this.#modules.keys()].map((path, i) => [path, i]));
    for (const { digest, edges } of this.#modules.values()) {
      hash.update(`${digest} ${edges.map((e) => numbers.get(e) ?? "-").join(",")}\n`);
    }
    return hash.digest("hex");
  }

  /** @returns the modules and packages as parts, with the text of as many modules as a message may hold. */
  parts() {
    let left = 1 << 20;
    const modules = [...this.#modules].map(([path, { digest }]) => {
      const text = plain.readFileSync(path);
      const fits = text.length <= left && isUtf8(text);
      if (fits) left -= text.length;
      return { name: inWorkspace(path), path: Buffer.from(inWorkspace(path)), line: 1, code: digest, source: fits ? text.toString() : "" };
    });
    const packages = [...this.#packages].map(([key, code]) => ({ name: `package ${key.startsWith("/") ? inWorkspace(key) : key}`, code: code || "none" }));
    const missing = [...this.#missing].map(([path, code]) => ({ name: `module ${inWorkspace(path)}`, code }));
    return [...modules, ...packages, ...missing];
  }

  /** Add the modules that Node was told to load. */
  program() {
    const here = join(process.cwd(), "-");
    const named = [loaded(process.argv[1]), ...optionsOfNode("-r", "--require").map(loaded), ...optionsOfNode(...PRELOADS).map(imported)];
    this.#add(named.flatMap((one) => this.#resolve(one, here)).filter((edge) => edge !== undefined));
  }

  /** Add modules and what they import. Modules count in the order in which they are reached, so their names do not matter. */
  #add(todo) {
    while (todo.length > 0) {
      const path = todo.shift();
      if (this.#modules.has(path)) continue;
      this.files.add(path);
      const { digest, imports } = this.#read(path);
      const edges = imports.flatMap((named) => this.#resolve(named, path));
      this.#modules.set(path, { digest, edges });
      todo.push(...edges.filter((edge) => edge !== undefined));
    }
  }

  #read(path) {
    const source = plain.readFileSync(path);
    if (IS_CONFIG.test(path)) return { digest: sha256(source), imports: extended(source.toString()) };
    if (/\.(json|node|wasm)$/.test(path)) return { digest: sha256(source), imports: [] };
    const kind = this.#kind(path);
    const tree = syntax(source.toString());
    if (tree === undefined) return this.#widen(path, "is not JavaScript", sha256(source) + kind, this.#foreign(path, source.toString()));
    const { imports, places, named, fixed, begun, evaluated } = references(tree);
    const digest = sha256(meaning(tree, places) + kind + (named ? inWorkspace(path) : ""));
    if (evaluated) return this.#widen(path, "evaluates text as code", digest, imports);
    if (fixed) return { digest, imports };
    const beyond = begun.flatMap((start) => this.#beyond(path, start));
    return this.#widen(path, "imports what only running it shows", digest, [...imports, ...beyond.map(loaded)]);
  }

  /** What a name may mean of which a module shows the beginning: something beyond its own package. */
  #beyond(path, start) {
    const folder = dirname(localPath(`${start}-`, path));
    return rootOf(folder) === rootOf(dirname(path)) ? [] : this.#all(folder, `${inWorkspace(path)} imports something in ${inWorkspace(folder)}`);
  }

  /** What Node takes a module for where its ending does not say it: that is in the nearest package.json. */
  #kind(path) {
    if (!/\.[jt]sx?$/.test(path)) return "";
    const record = this.#nearestRecord(dirname(path));
    if (record === undefined) return "";
    this.records.add(record);
    return String(described(record).type ?? "");
  }

  /** The nearest package.json, before which another one may come to be in the workspace. */
  #nearestRecord(folder) {
    const record = nearest(folder, "package.json");
    for (const at of foldersUp(folder)) {
      const path = join(at, "package.json");
      if (path === record) break;
      this.absent.add(path);
    }
    return record;
  }

  /**
   * What a module in another language imports, as far as its text shows it. How names become files is decided by what compiles it, as its
   * configuration says, which may lie in any folder above.
   */
  #foreign(path, source) {
    const configs = foldersUp(dirname(path)).flatMap((at) => ["tsconfig.json", "jsconfig.json"].map((name) => join(at, name)));
    for (const config of configs) if (!isFile(config)) this.absent.add(config);
    return [...spoken(source), ...configs.filter(isFile).map(loaded)];
  }

  /** Where it cannot be seen what a module imports, it imports all source files of its project. */
  #widen(path, why, digest, imports) {
    return { digest, imports: [...imports, ...this.#all(dirname(path), `${inWorkspace(path)} ${why}`).filter((file) => file !== path).map(loaded)] };
  }

  /** All sources of the package that a folder belongs to, for a reason that people are told. */
  #all(folder, why) {
    return this.#allIn(rootOf(folder), why);
  }

  #allIn(root, why) {
    this.notes.add(`${why}, so all sources in ${inWorkspace(root)} count`);
    return this.#sourcesBelow(plain.realpathSync(root), new Set());
  }

  /** Links to folders are followed within the workspace. */
  #sourcesBelow(folder, seen) {
    if (seen.has(folder)) return [];
    seen.add(folder);
    this.folders.add(folder);
    return plain.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      let path = join(folder, entry.name);
      if (entry.isSymbolicLink()) {
        this.absent.add(path); // where it leads counts as well
        if (statusOf(path) === undefined) return [];
        path = plain.realpathSync(path);
        if (isFolder(path) && inWorkspace(path) === path) return [];
      }
      if (isFolder(path)) return /^(node_modules|\..*)$/.test(entry.name) ? [] : this.#sourcesBelow(path, seen);
      return isSource(entry.name) ? [path] : [];
    });
  }

  /** @returns {(string | undefined)[]} the files of the project that may be meant; packages are noted. */
  #resolve(named, from) {
    const { specifier } = named;
    if (isBuiltin(specifier) || specifier.startsWith("data:")) return [undefined];
    if (named.spoken && isLocal(specifier)) return this.#resolveSpoken(specifier, from);
    const file = resolveFrom(named, from);
    if (isLocal(specifier)) this.#lookedFor(localPath(specifier, from), named.required);
    else if (!specifier.startsWith("#")) this.#lookedForPackage(packageOf(specifier), dirname(from));
    if (file === undefined && !isLocal(specifier)) {
      // How a package finds itself depends on its package.json.
      if (packageOf(specifier) === described(this.#nearestRecord(dirname(from))).name) return this.#all(dirname(from), `${inWorkspace(from)} imports ${specifier}, which is its own package`);
      if (named.spoken) return this.#allIn(process.cwd(), `${inWorkspace(from)} imports ${specifier}, which is in no node_modules`);
    }
    if (file === undefined) {
      const missing = `${specifier} is missing`;
      if (isLocal(specifier)) this.#missing.set(localPath(specifier, from), missing);
      else this.#packages.set(specifier, missing);
    }
    const path = file && plain.realpathSync(file);
    const ours = path !== undefined && !path.includes("/node_modules/") && !path.startsWith(HERE + "/");
    if (ours && isLocal(specifier)) return [path];
    if (ours) this.#linked(specifier, from);
    if (path !== undefined && !ours) this.#package(path);
    // What a package.json makes of a name differs with how it is asked for, so it is not followed where the package is the project's.
    if (specifier.startsWith("#")) return this.#all(dirname(from), `${inWorkspace(from)} imports ${specifier}, a name of its package.json`);
    return ours ? this.#all(dirname(path), `${inWorkspace(from)} imports the package ${specifier}, which is the project's`) : [undefined];
  }

  /** A file that a module in another language names, perhaps by another ending. All in its own package counts as it is. */
  #resolveSpoken(specifier, from) {
    const path = localPath(specifier, from);
    const root = rootOf(path);
    if (isFile(path) && !isSource(path)) return [plain.realpathSync(path)];
    return root === rootOf(dirname(from)) ? [] : this.#allIn(root, `${inWorkspace(from)} imports ${specifier}, which is beyond its package`);
  }

  /** What Node looks for before it comes to a module of the project would be taken if it were there. */
  #lookedFor(path, required) {
    if (isFile(path)) return;
    this.absent.add(path);
    if (!required || this.#lookedForEndings(path) || !plain.existsSync(path)) return;
    const record = join(path, "package.json");
    if (isFile(record)) this.records.add(record);
    else this.absent.add(record);
    this.#lookedForEndings(join(path, "index"));
  }

  /** @returns whether there is a file with one of the endings that a require leaves out. */
  #lookedForEndings(path) {
    for (const ending of [".js", ".json", ".node"]) {
      if (isFile(path + ending)) return true;
      this.absent.add(path + ending);
    }
    return false;
  }

  /** The same for a package that is looked for from a folder of the workspace. */
  #lookedForPackage(name, folder) {
    for (const at of foldersUp(folder)) {
      const path = join(at, "node_modules", name);
      this.absent.add(path); // of what is there counts where it leads, if it is a link
      if (plain.existsSync(path)) return;
    }
  }

  /** A package of the project may be found through a link, in place of which another one may be installed. */
  #linked(specifier, from) {
    const record = specifier.startsWith("#") ? undefined : nearest(dirname(from), join("node_modules", packageOf(specifier), "package.json"));
    if (record !== undefined) this.records.add(record);
  }

  /** A package counts by name and version, and so do those that it depends on: by npm's record of them, or else by going through them. */
  #package(path) {
    const record = recordOf(path);
    if (record === undefined || this.records.has(record)) return;
    this.records.add(record);
    const { name, version, dependencies, optionalDependencies, peerDependencies } = described(record);
    this.#packages.set(record, `${name} ${version}`);
    if (!record.includes("/node_modules/")) return;
    const installed = record.split("/node_modules/")[0] + "/node_modules/.package-lock.json";
    if (this.records.has(installed)) return;
    if (plain.existsSync(installed)) {
      this.records.add(installed);
      this.#packages.set(installed, sha256(JSON.stringify(JSON.parse(plain.readFileSync(installed, "utf8")).packages)));
      return;
    }
    this.absent.add(installed);
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      this.#lookedForPackage(needed, dirname(record));
      const found = nearest(dirname(record), join("node_modules", needed, "package.json"));
      if (found === undefined) this.absent.add(join(record.slice(0, record.lastIndexOf("/node_modules/")), "node_modules", needed, "package.json"));
      else this.#package(plain.realpathSync(found));
    }
  }
}

/** The words of Node that name modules which it imports before the program. */
const PRELOADS = ["--import", "--loader", "--experimental-loader"];

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
