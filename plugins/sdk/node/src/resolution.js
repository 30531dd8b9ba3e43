// Where Node finds what modules name.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { plain } from "./plain_fs.js";
import { isLocal } from "./references.js";

/** A folder and those above it, as far as they are in the workspace. */
export function foldersUp(folder) {
  const top = process.cwd();
  const found = [];
  for (let at = folder; at === top || at.startsWith(top + "/"); at = dirname(at)) found.push(at);
  return found;
}

/** The folder of the package that a folder belongs to. */
export const rootOf = (folder) => dirname(nearest(folder, "package.json") ?? join(folder, "package.json"));

export const localPath = (specifier, from) => (specifier.startsWith("file:") ? fileURLToPath(specifier) : join(specifier.startsWith("/") ? "" : dirname(from), specifier));

export function resolveFrom({ specifier, required }, from) {
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
export function packageOf(specifier) {
  const [scope, name] = specifier.split("/");
  return scope.startsWith("@") ? `${scope}/${name}` : scope;
}

export function statusOf(path) {
  try {
    return plain.statSync(path);
  } catch {
    return undefined;
  }
}

export const isFile = (path) => statusOf(path)?.isFile() ?? false;
export const isFolder = (path) => statusOf(path)?.isDirectory() ?? false;

/** The package.json of an installed package. Others within it only say what its modules are. */
export function recordOf(path) {
  const first = nearest(dirname(path), "package.json");
  const own = path.slice(0, path.lastIndexOf("/node_modules/") + 1);
  for (let at = first; at?.startsWith(own); at = nearest(dirname(dirname(at)), "package.json")) {
    if (described(at).version !== undefined) return at;
  }
  return first;
}

/** What a package.json says; nothing where it is not there, or cannot be read: Node tells of that. */
export function described(record) {
  try {
    return JSON.parse(plain.readFileSync(record, "utf8")) ?? {};
  } catch {
    return {};
  }
}

/** The file with a name in a folder or the nearest above it. */
export function nearest(folder, name) {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, name);
    if (plain.existsSync(path)) return path;
    if (at === dirname(at)) return undefined;
  }
}
