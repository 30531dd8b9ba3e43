// Code identity: what of the project, of its packages and of Node decides what the functions compute.
//
// It covers the graph of modules from the program's entry file along imports and requires with fixed names. A module counts by its
// syntax tree, so comments, formatting and its own path do not.

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "acorn";
import { simple } from "acorn-walk";

import { plain } from "./plain_fs.js";

const HERE = dirname(fileURLToPath(import.meta.url));

/** Add code identity to a description, and what it rests on. */
export async function addIdentity(description) {
  const graph = new Graph();
  graph.module(plain.realpathSync(process.argv[1]));
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
    reads: [...description.reads, ...[...graph.records].sort().map(request("file")), ...[...graph.absent].sort().map(request("exists"))],
  };
}

function inWorkspace(path) {
  const inside = relative(process.cwd(), path);
  return inside.startsWith("../") ? path : inside;
}

/** The modules of the project that a program reaches, and the packages. */
class Graph {
  /** Files of the project. */
  files = new Set();
  /** The package.json of each package that is reached. */
  records = new Set();
  /** Paths that would count if they were there. */
  absent = new Set();
  /** What cannot be seen, for people. */
  notes = new Set();
  #modules = new Map();
  #packages = new Map();

  /** @returns {string} the digest of everything that was reached. */
  digest() {
    const hash = createHash("sha256").update(`node ${process.versions.node}\n`);
    for (const text of [...this.#packages.values()].sort()) hash.update(text + "\n");
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
    const packages = [...this.#packages].map(([key, code]) => ({ name: `package ${inWorkspace(key)}`, code: code || "none" }));
    return [...modules, ...packages];
  }

  /** Add a module and what it imports. Modules count in the order in which they are reached, so their names do not matter. */
  module(entry) {
    const todo = [entry];
    while (todo.length > 0) {
      const path = todo.shift();
      if (this.#modules.has(path)) continue;
      this.files.add(path);
      const { digest, imports } = this.#read(path);
      const edges = imports.map((specifier) => this.#resolve(specifier, path));
      this.#modules.set(path, { digest, edges });
      todo.push(...edges.filter((edge) => edge !== undefined));
    }
  }

  #read(path) {
    const source = plain.readFileSync(path);
    if (/\.(json|node|wasm)$/.test(path)) return { digest: sha256(source), imports: [] };
    const tree = syntax(source.toString());
    if (tree === undefined) return this.#widen(path, "is not JavaScript", sha256(source), []);
    const { imports, fixed, evaluated } = references(tree);
    const digest = sha256(meaning(tree, imports));
    if (evaluated) return this.#widen(path, "evaluates text as code", digest, imports);
    return fixed ? { digest, imports } : this.#widen(path, "imports what only running it shows", digest, imports);
  }

  /** Where it cannot be seen what a module imports, it imports all source files of its project. */
  #widen(path, why, digest, imports) {
    const record = nearest(dirname(path), "package.json");
    const root = dirname(record ?? path);
    this.notes.add(`${inWorkspace(path)} ${why}, so all sources in ${inWorkspace(root) || "."} count`);
    return { digest, imports: [...imports, ...sourcesBelow(root).filter((file) => file !== path)] };
  }

  /** @returns {string | undefined} the file of a module of the project; packages are noted. */
  #resolve(specifier, from) {
    if (isBuiltin(specifier)) return undefined;
    const file = resolveFrom(specifier, from);
    if (file === undefined) {
      if (/^\.{0,2}\//.test(specifier)) this.absent.add(join(dirname(from), specifier));
      this.#packages.set(specifier, `${specifier} is missing`);
      return undefined;
    }
    const path = plain.realpathSync(file);
    if (!path.includes("/node_modules/") && !path.startsWith(HERE + "/")) return path;
    this.#package(path);
    return undefined;
  }

  /** A package counts by name and version, with the lock file that tells what its own dependencies are. */
  #package(path) {
    const record = nearest(dirname(path), "package.json");
    if (record === undefined || this.records.has(record)) return;
    this.records.add(record);
    const { name, version } = JSON.parse(plain.readFileSync(record, "utf8"));
    this.#packages.set(record, `${name} ${version}`);
    const installed = record.split("/node_modules/")[0] + "/node_modules/.package-lock.json";
    if (!record.includes("/node_modules/") || this.records.has(installed)) return;
    if (plain.existsSync(installed)) {
      this.records.add(installed);
      this.#packages.set(installed, sha256(JSON.stringify(JSON.parse(plain.readFileSync(installed, "utf8")).packages)));
    } else {
      this.absent.add(installed);
    }
  }
}

/** The syntax tree of a module or a script; undefined for what is neither. */
function syntax(source) {
  for (const sourceType of ["module", "script"]) {
    try {
      return parse(source, { ecmaVersion: "latest", sourceType, allowHashBang: true, allowReturnOutsideFunction: sourceType === "script" });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

function sourcesBelow(folder) {
  return plain.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(node_modules|\..*)$/.test(entry.name) ? [] : sourcesBelow(path);
    return /\.([cm]?[jt]sx?|json)$/.test(entry.name) ? [path] : [];
  });
}

/** The modules that a file names, in order, and whether there are others that it only names as it runs. */
function references(tree) {
  const imports = new Set();
  let fixed = true;
  let evaluated = false;
  const add = (node) => {
    if (typeof node?.value === "string") imports.add(node.value);
    else if (node) fixed = false;
  };
  simple(tree, {
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    NewExpression: (node) => (evaluated ||= node.callee.name === "Function"),
    CallExpression: (node) => {
      if (node.callee.name === "require") add(node.arguments[0]);
      evaluated ||= node.callee.name === "eval";
    },
  });
  return { imports: [...imports], fixed, evaluated };
}

/** The syntax tree as text, without places and spellings. Where a module lies does not count: its specifiers are left out. */
function meaning(tree, imports) {
  const own = new Set(imports.filter((specifier) => /^\.{0,2}\//.test(specifier)));
  return JSON.stringify(tree, (key, value) => {
    if (key === "start" || key === "end") return undefined;
    if (value?.type !== "Literal") return value;
    if (own.has(value.value)) return { type: "Literal", module: true };
    return { type: "Literal", of: typeof value.value, text: value.regex ?? value.bigint ?? String(value.value) };
  });
}

function resolveFrom(specifier, from) {
  try {
    return createRequire(pathToFileURL(from)).resolve(specifier);
  } catch {
    // A package that offers nothing to require is found by its folder.
  }
  if (/^\.{0,2}\//.test(specifier)) return undefined;
  const [scope, name] = specifier.split("/");
  const folder = scope.startsWith("@") ? `${scope}/${name}` : scope;
  return nearest(dirname(from), join("node_modules", folder, "package.json"));
}

/** The file with a name in a folder or the nearest above it. */
function nearest(folder, name) {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, name);
    if (plain.existsSync(path)) return path;
    if (at === dirname(at)) return undefined;
  }
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
