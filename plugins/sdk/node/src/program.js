// What a process serves: functions and stored values by the names of their nodes.

import { Fn, Pipeline, declared } from "./declare.js";
import { DeclarationError } from "./errors.js";

/** All nodes of a process. Built once, and not changed. */
export class Program {
  /** Derived nodes by name: `{ declaration, self }`. */
  functions = new Map();
  /** Stored nodes by name. */
  stored = new Map();
  /** Names by the class of the object that a node was called on, undefined for plain functions, and the node. */
  #names = new Map();

  /** @param {unknown[]} things pipelines, functions, and modules or objects with such */
  constructor(things) {
    const { pipelines, plain } = sort(things);
    const members = pipelines.map(nodesOf);
    const shared = sharedNames([plain, ...members]);
    for (const [name, node] of plain) this.#add(name, node, undefined);
    for (const [i, self] of pipelines.entries()) {
      const type = self.constructor;
      for (const [name, node] of members[i]) this.#add(shared.has(name) ? `${type.name}.${name}` : name, node, self);
      for (const [name, node] of nodesAbove(self)) this.#add(`${type.name}.${name}`, node, self);
    }
    if (this.#names.size === 0) throw new DeclarationError("there is nothing to serve: no pipeline, and no node");
  }

  #add(name, node, self) {
    if (this.functions.has(name) || this.stored.has(name)) throw new DeclarationError(`there are two nodes "${name}"`);
    const declaration = declared(node);
    if (declaration instanceof Fn) {
      declaration.name ||= name;
      this.functions.set(name, { declaration, self });
    } else {
      this.stored.set(name, declaration);
    }
    const type = self?.constructor;
    if (!this.#names.has(type)) this.#names.set(type, new Map());
    this.#names.get(type).set(node, name);
    // A field of a pipeline belongs to one object, so it has its name wherever it is called.
    if (self && Object.values(self).includes(node)) this.#ownFields.set(node, name);
  }

  #ownFields = new Map();

  /** @returns {string} the name of a node that was called on an object. */
  name(node, self) {
    const type = self instanceof Pipeline ? self.constructor : undefined;
    const name = this.#ownFields.get(node) ?? this.#names.get(type)?.get(node) ?? this.#names.get(undefined)?.get(node);
    if (name !== undefined) return name;
    const field = type && Object.keys(self).find((key) => self[key] === node);
    const served = field && [...(this.#names.get(type)?.values() ?? [])].find((n) => n === field || n === `${type.name}.${field}`);
    if (served) return served;
    throw new DeclarationError(`${type?.name ?? declared(node)?.name ?? "a node"} is not served here, so calyx does not know its nodes`);
  }
}

function sort(things) {
  const pipelines = [];
  const plain = [];
  const seen = new Set();
  const visit = (thing, name) => {
    if (seen.has(thing)) return;
    if (declared(thing)) {
      plain.push([name || declared(thing).name, thing]);
    } else if (thing?.prototype instanceof Pipeline) {
      pipelines.push(new thing());
    } else if (thing !== null && typeof thing === "object") {
      for (const [key, value] of Object.entries(thing)) if (declared(value) || value?.prototype instanceof Pipeline) visit(value, key);
      return;
    } else {
      throw new DeclarationError(`${String(thing)} cannot be served: it is no pipeline, node, or object that holds some`);
    }
    seen.add(thing);
  };
  for (const thing of things) visit(thing, "");
  for (const [name] of plain) if (!name) throw new DeclarationError("a function without a name cannot be served; serve it in an object: serve({ name })");
  return { pipelines, plain };
}

/** The nodes of a pipeline by name, inherited ones too: fields first, as its class declares them. */
function nodesOf(pipeline) {
  const found = new Map();
  for (const object of chain(pipeline)) {
    for (const name of Object.getOwnPropertyNames(object)) {
      const value = Object.getOwnPropertyDescriptor(object, name).value;
      if (declared(value) && !found.has(name)) found.set(name, value);
    }
  }
  return [...found];
}

/** What super.x() reaches: methods of classes above that a class replaces. */
function nodesAbove(pipeline) {
  const visible = new Set(nodesOf(pipeline).map(([, node]) => node));
  return chain(pipeline).flatMap((object) =>
    Object.getOwnPropertyNames(object)
      .map((name) => [`${object.constructor.name}.${name}`, Object.getOwnPropertyDescriptor(object, name).value])
      .filter(([, node]) => declared(node) && !visible.has(node)),
  );
}

function chain(pipeline) {
  const objects = [];
  for (let o = pipeline; o !== null && o !== Pipeline.prototype; o = Object.getPrototypeOf(o)) objects.push(o);
  return objects;
}

function sharedNames(groups) {
  const seen = new Set();
  const shared = new Set();
  for (const group of groups) {
    for (const [name] of group) if (seen.has(name)) shared.add(name);
    for (const [name] of group) seen.add(name);
  }
  return shared;
}
