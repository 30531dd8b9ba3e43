// What modules name, by their text: other modules, and what else is decided by it.

import { parse } from "acorn";
import { simple } from "acorn-walk";

/** The syntax tree of a module or a script; undefined for what is neither. */
export function syntax(source) {
  for (const sourceType of ["module", "script"]) {
    try {
      return parse(source, { ecmaVersion: "latest", sourceType, allowHashBang: true, allowReturnOutsideFunction: sourceType === "script" });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

/** What compilers are told about a project: it may extend another such file. */
export const IS_CONFIG = /[tj]sconfig[^/]*\.json$/;

const isCode = (name) => /\.[cm]?[jt]sx?$/.test(name);
export const isSource = (name) => isCode(name) || name.endsWith(".json");

/** Something that a module names, as import does (a URL) or as require does (a path, perhaps without its ending). */
export const imported = (specifier) => ({ specifier, required: false });
export const loaded = (specifier) => ({ specifier, required: true });
const besides = (name) => imported(isLocal(name) ? name : `./${name}`);

/** What a text in a language that is not known imports: whatever stands in quotes where JavaScript would have the name of a module. */
export function spoken(source) {
  const erased = /\b(?:import|export)\s+type\s+(?!from\b)[\w$*{][^"'`;]*?\bfrom\s*(["'])[^"'\n]*\1/g;
  const names = source.replace(erased, "").matchAll(/\b(?:from|import|require|require\.resolve)\s*\(?\s*(["'`])([^"'`\n]+)\1/g);
  return [...new Set([...names].map(([, , name]) => name))].map((specifier) => ({ specifier, required: true, spoken: true }));
}

/** What a configuration extends. It may have comments, so it is not read as JSON. */
export function extended(text) {
  const [, value = ""] = /"extends"\s*:\s*(\[[^\]]*\]|"[^"]*")/.exec(text) ?? [];
  return [...value.matchAll(/"([^"]*)"/g)].map(([, name]) => loaded(name));
}

/**
 * The modules that a file names, in order, with the places of the names and which module each means, and whether there are others that
 * it only names as it runs. A file is named where it asks where it lies itself, but to name what lies beside it.
 */
export function references(tree) {
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
export function meaning(tree, places) {
  return JSON.stringify(tree, (key, value) => {
    if (key === "start" || key === "end") return undefined;
    if (value?.type !== "Literal") return value;
    if (places.has(value) && isLocal(value.value)) return { type: "Literal", module: places.get(value), query: /[?#].*$/.exec(value.value)?.[0] };
    return { type: "Literal", of: typeof value.value, text: value.regex ?? value.bigint ?? String(value.value) };
  });
}

/** Tell whether a name is that of a file, and not of a package. */
export const isLocal = (specifier) => /^(\.{0,2}\/|\.{1,2}$|file:)/.test(specifier);
