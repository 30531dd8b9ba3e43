// What a program declares: pipelines, stored values and functions.

import { askNode, readStored } from "./ask.js";
import { DeclarationError } from "./errors.js";
import { parametersOf } from "./signature.js";

const OPTIONS = new Set(["overlap", "types", "returns", "doc"]);
const TYPES = new Set(["any", "bool", "int", "float", "string", "bytes", "list", "dict", "file", "tree"]);

/** What is known about a node: the function that people call carries it under this key. */
const DECLARED = Symbol("calyx.declared");

/** @returns the declaration of a node, undefined for anything else. */
export const declared = (value) => (typeof value === "function" ? value[DECLARED] : undefined);

/** A derived node: a function that calyx calls and whose result it keeps. */
export class Fn {
  #parameters;

  constructor(run, options) {
    this.run = run;
    this.options = options;
    this.name = run.name;
  }

  /** Whether calls may run beside others: asynchronous functions may, as they do in any Node program. */
  get overlap() {
    return this.options.overlap ?? this.run.constructor.name === "AsyncFunction";
  }

  /** The parameters with their types and defaults. */
  get parameters() {
    this.#parameters ??= parametersOf(this.run, this.options.types ?? {});
    return this.#parameters;
  }
}

/** A stored node: an input whose value changes only because somebody changed it. */
export class Stored {
  constructor(source, value, options = {}) {
    this.source = source;
    this.value = value;
    this.default = options.default;
    this.doc = options.doc ?? "";
    this.type = options.type ?? "";
  }
}

/**
 * Make a function a derived node: `clean = fn(async (lower = true) => …)` in a pipeline, `export const f = fn(async function f() {…})`
 * outside of one, `@fn async clean() {…}` where there are decorators. With options first: `fn({ overlap: false }, f)`, `@fn({…})`.
 */
export function fn(first, second) {
  if (typeof first === "function") return node(first, {}, second);
  const options = checkOptions(first);
  return typeof second === "function" ? node(second, options) : (run, context) => node(run, options, context);
}

function node(run, options, context) {
  if (context !== undefined && (context?.kind !== "method" || context.static || context.private)) {
    throw new DeclarationError(`@fn is for public methods, and ${String(context?.name ?? context)} is none`);
  }
  if (/Generator/.test(run.constructor.name)) {
    throw new DeclarationError(`${run.name}: a generator has no value that could be kept; return an array`);
  }
  const declaration = new Fn(run, options);
  function call(...args) {
    return askNode(call, declaration, this, args);
  }
  Object.defineProperty(call, "name", { value: run.name });
  return Object.assign(call, { [DECLARED]: declaration });
}

function checkOptions(options) {
  if (options === null || typeof options !== "object") throw new DeclarationError("fn takes a function, perhaps after options");
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) {
      throw new DeclarationError(`fn({ ${name} }): there is no such option here; what a step can be told belongs to step() in the Calyxfile`);
    }
  }
  const types = [...Object.values(options.types ?? {}), ...(options.returns === undefined ? [] : [options.returns])];
  for (const type of types) if (!TYPES.has(type)) throw new DeclarationError(`fn: there is no type "${type}"; there are ${[...TYPES].join(", ")}`);
  return options;
}

/** Declare a parameter that `calyx set` changes: `lr = stored(1e-3)`. */
export const stored = (value, options) => storedNode(new Stored("value", value, options));

/** Declare a file or folder of the workspace. */
stored.path = (path, options) => storedNode(new Stored("path", path, options));

/** Declare all the files that match a pattern. */
stored.glob = (pattern, options) => storedNode(new Stored("glob", pattern, options));

/** Declare an environment variable. */
stored.env = (name, options) => storedNode(new Stored("env", name, options));

function storedNode(declaration) {
  function read() {
    return readStored(read, declaration, this);
  }
  return Object.assign(read, { [DECLARED]: declaration });
}

/**
 * The base of pipelines: classes whose fields and methods are nodes. calyx makes one object of each, which holds nothing else: what a
 * node may depend on is an argument, a stored value, another node, or code.
 */
export class Pipeline {}

/** Make methods of a class nodes where there are no decorators: `pipeline(Reviews, { clean: fn, both: fn({ overlap: false }) })`. */
export function pipeline(type, methods) {
  if (!(type?.prototype instanceof Pipeline)) throw new DeclarationError(`${type?.name ?? type} extends no Pipeline`);
  for (const [name, decorate] of Object.entries(methods)) {
    const method = Object.getOwnPropertyDescriptor(type.prototype, name)?.value;
    if (typeof method !== "function") throw new DeclarationError(`${type.name} has no method "${name}" of its own`);
    Object.defineProperty(type.prototype, name, { value: decorate(method), configurable: true, writable: true });
  }
  return type;
}
