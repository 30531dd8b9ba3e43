// Code identity: what of the project, of its packages and of Node decides what the functions compute.
//
// It covers the graph of modules from the program's entry file, and from those that Node is told to load before it, along imports and
// requires with fixed names. A module counts by its syntax tree, so comments, formatting and its own path do not.

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "acorn";
import { simple } from "acorn-walk";

import { optionsOfNode } from "./environment.js";
import { plain } from "./plain_fs.js";

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

/** The words of Node that name modules which it imports before the program. */
const PRELOADS = ["--import", "--loader", "--experimental-loader"];

/** What compilers are told about a project: it may extend another such file. */
const IS_CONFIG = /[tj]sconfig[^/]*\.json$/;

const isCode = (name) => /\.[cm]?[jt]sx?$/.test(name);
const isSource = (name) => isCode(name) || name.endsWith(".json");

/** A folder and those above it, as far as they are in the workspace. */
function foldersUp(folder) {
  const top = process.cwd();
  const found = [];
  for (let at = folder; at === top || at.startsWith(top + "/"); at = dirname(at)) found.push(at);
  return found;
}

/** The folder of the package that a folder belongs to. */
const rootOf = (folder) => dirname(nearest(folder, "package.json") ?? join(folder, "package.json"));

/** Something that a module names, as import does (a URL) or as require does (a path, perhaps without its ending). */
const imported = (specifier) => ({ specifier, required: false });
const loaded = (specifier) => ({ specifier, required: true });
const besides = (name) => imported(isLocal(name) ? name : `./${name}`);

/** What a text in a language that is not known imports: whatever stands in quotes where JavaScript would have the name of a module. */
function spoken(source) {
  const erased = /\b(?:import|export)\s+type\s+(?!from\b)[\w$*{][^"'`;]*?\bfrom\s*(["'])[^"'\n]*\1/g;
  const names = source.replace(erased, "").matchAll(/\b(?:from|import|require|require\.resolve)\s*\(?\s*(["'`])([^"'`\n]+)\1/g);
  return [...new Set([...names].map(([, , name]) => name))].map((specifier) => ({ specifier, required: true, spoken: true }));
}

/** What a configuration extends. It may have comments, so it is not read as JSON. */
function extended(text) {
  const [, value = ""] = /"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")/.exec(text) ?? [];
  return [...value.matchAll(/"([^"]*)"/g)].map(([, name]) => loaded(name));
}

/**
 * The modules that a file names, in order, with the places of the names and which module each means, and whether there are others that
 * it only names as it runs. A file is named where it asks where it lies itself, but to name what lies beside it.
 */
function references(tree) {
  const imports = new Map();
  const places = new Map();
  let owns = 0;
  let fixed = true;
  const begun = [];
  let evaluated = false;
  const add = (node, as) => {
    if (typeof node?.value !== "string") {
      if (node) fixed = false;
      const start = beginning(node);
      if (isLocal(start)) begun.push(start);
      return;
    }
    const named = as(node.value);
    const key = `${named.required} ${named.specifier}`;
    if (!imports.has(key)) imports.set(key, named);
    places.set(node, [...imports.keys()].indexOf(key));
  };
  const { names, makers } = requires(tree);
  // What else is done with require than to call it may load anything.
  let others = 0;
  const isRequire = (node) => node.type === "Identifier" && names.has(node.name);
  simple(tree, {
    ImportDeclaration: (node) => {
      add(node.source, imported);
      evaluated ||= /^(node:)?vm$/.test(node.source.value);
      if (node.specifiers.some((s) => s.imported?.name === "createRequire" && s.local.name !== "createRequire")) fixed = false;
    },
    ExportNamedDeclaration: (node) => add(node.source, imported),
    ExportAllDeclaration: (node) => add(node.source, imported),
    ImportExpression: (node) => add(node.source, imported),
    Identifier: (node) => {
      if (isRequire(node)) others++;
      if (isOwnPlace(node)) owns++;
      evaluated ||= node.name === "eval";
    },
    MemberExpression: (node) => {
      if (isOwnPlace(node)) owns++;
      if (isMeta(node.object) && !node.computed) owns--;
      if (isRequire(node.object) && !node.computed) others--;
      evaluated ||= called(node) === "eval";
    },
    // All that import.meta holds may be taken from it; what is named of it counts as what it is.
    MetaProperty: (node) => {
      if (isMeta(node)) owns++;
    },
    UnaryExpression: (node) => {
      if (node.operator === "typeof" && isRequire(node.argument)) others--;
    },
    NewExpression: (node) => {
      const beside = besideModule(node);
      if (beside?.value !== undefined) owns--;
      if (isCode(String(beside?.value))) add(beside, besides); // for a worker, say, or a child process
      evaluated ||= called(node.callee) === "Function";
      if (called(node.callee) === "Worker") add(besideModule(node.arguments[0]) ?? { computed: true }, besides);
    },
    CallExpression: (node) => {
      const { callee, arguments: given } = node;
      if (isRequire(callee)) {
        others--;
        add(given[0], loaded);
        evaluated ||= /^(node:)?vm$/.test(given[0]?.value);
      } else if (callee.type === "MemberExpression" && !callee.computed) {
        const of = callee.object;
        if (callee.property.name === "require" || (isRequire(of) && callee.property.name === "resolve")) add(given[0], loaded);
      }
      if (called(callee) === "createRequire") {
        if (isOwnURL(given[0])) owns--;
        if (!makers.has(node)) fixed = false;
      }
      evaluated ||= called(callee) === "Function";
    },
  });
  return { imports: [...imports.values()], places, named: owns > 0, fixed: fixed && others === 0, begun, evaluated };
}

/** The names of functions that load as require does from where the module lies, and the calls that make them. */
function requires(tree) {
  const names = new Set(["require"]);
  const makers = new Set();
  simple(tree, {
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== "Identifier" || init?.type !== "CallExpression" || called(init.callee) !== "createRequire") return;
      if (!isOwnURL(init.arguments[0])) return;
      names.add(id.name);
      makers.add(init);
    },
  });
  return { names, makers };
}

/** The text with which an expression begins, as far as it shows. */
function beginning(node) {
  if (node?.type === "TemplateLiteral") return node.quasis[0].value.cooked;
  if (node?.type === "BinaryExpression") return beginning(node.left);
  return typeof node?.value === "string" ? node.value : "";
}

/** The last name of what is called: f for f() and a.f(). */
const called = (callee) => (callee.type === "MemberExpression" && !callee.computed ? callee.property.name : callee.name);

const isMeta = (node) => node.type === "MetaProperty" && node.meta.name === "import";

const isOwnURL = (node) => node?.name === "__filename" || (node?.object?.type === "MetaProperty" && /^(url|filename)$/.test(node.property.name));

const isOwnPlace = (node) => isOwnURL(node) || node.name === "__dirname" || (node.object?.type === "MetaProperty" && node.property.name === "dirname");

/** The text in new URL(text, import.meta.url). */
function besideModule(node) {
  const isURL = node?.type === "NewExpression" && node.callee.name === "URL" && isOwnURL(node.arguments[1]);
  return isURL ? node.arguments[0] : undefined;
}

/** The syntax tree as text, without places and spellings. Where a module lies does not count: of names of files counts which import they are. */
function meaning(tree, places) {
  return JSON.stringify(tree, (key, value) => {
    if (key === "start" || key === "end") return undefined;
    if (value?.type !== "Literal") return value;
    if (places.has(value) && isLocal(value.value)) return { type: "Literal", module: places.get(value), query: /[?#].*$/.exec(value.value)?.[0] };
    return { type: "Literal", of: typeof value.value, text: value.regex ?? value.bigint ?? String(value.value) };
  });
}

/** Tell whether a name is that of a file, and not of a package. */
const isLocal = (specifier) => /^(\.{0,2}\/|\.{1,2}$|file:)/.test(specifier);

const localPath = (specifier, from) => (specifier.startsWith("file:") ? fileURLToPath(specifier) : join(specifier.startsWith("/") ? "" : dirname(from), specifier));

function resolveFrom({ specifier, required }, from) {
  if (!required && isLocal(specifier)) {
    const path = fileURLToPath(new URL(specifier, pathToFileURL(from)));
    if (isFile(path)) return path;
  }
  try {
    return createRequire(pathToFileURL(from)).resolve(specifier);
  } catch {
    // A package that offers nothing to require is found by its folder.
  }
  if (isLocal(specifier) || specifier.startsWith("#")) return undefined;
  return nearest(dirname(from), join("node_modules", packageOf(specifier), "package.json"));
}

/** The name of the package in what is imported: without the path in it. */
function packageOf(specifier) {
  const [scope, name] = specifier.split("/");
  return scope.startsWith("@") ? `${scope}/${name}` : scope;
}

function statusOf(path) {
  try {
    return plain.statSync(path);
  } catch {
    return undefined;
  }
}

const isFile = (path) => statusOf(path)?.isFile() ?? false;
const isFolder = (path) => statusOf(path)?.isDirectory() ?? false;

/** The package.json of an installed package. Others within it only say what its modules are. */
function recordOf(path) {
  const first = nearest(dirname(path), "package.json");
  const own = path.slice(0, path.lastIndexOf("/node_modules/") + 1);
  for (let at = first; at?.startsWith(own); at = nearest(dirname(dirname(at)), "package.json")) {
    if (described(at).version !== undefined) return at;
  }
  return first;
}

/** What a package.json says; nothing where it is not there, or cannot be read: Node tells of that. */
function described(record) {
  try {
    return JSON.parse(plain.readFileSync(record, "utf8")) ?? {};
  } catch {
    return {};
  }
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
