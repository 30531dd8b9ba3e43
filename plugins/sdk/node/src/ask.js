// What calling a node inside a node does: it asks calyx, and that makes the edge.

import { basename } from "node:path";

import { calling, currentCall, valueOf } from "./call.js";
import { AbsentError, CalyxError, OutsideNodeError } from "./errors.js";
import { File, contentOf, pathOf } from "./files.js";
import { literal } from "./literal.js";
import { View } from "./protocol.js";
import { decode } from "./values.js";

/** Ask for the value of a derived node. */
export async function askNode(node, declaration, self, args) {
  const call = currentCall(`call ${declaration.name || "a node"}`);
  const name = call.program.name(node, self);
  const answer = await call.askOne({ node: { name, arguments: named(declaration, name, args) } });
  return decode(call, valueOf(answer, name), declaration.options.returns);
}

/** Bind arguments to names. What is left out stays so: calyx fills in the default. */
function named(declaration, name, args) {
  const { parameters } = declaration;
  if (args.length > parameters.length) throw new TypeError(`${name} takes ${parameters.length} arguments, not ${args.length}`);
  const bound = [];
  for (const [i, parameter] of parameters.entries()) {
    const where = `${name}: argument "${parameter.name}"`;
    if (args[i] !== undefined) bound.push({ name: parameter.name, value: literal(args[i], where, parameter.type) });
    else if (!parameter.optional) throw new TypeError(`${where} is missing`);
  }
  return bound.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Read a stored node: of a file a handle, which asks when it is looked into. */
export function readStored(node, declaration, self) {
  const call = calling();
  if (!call) throw new OutsideNodeError("read a stored node: no node is being computed here");
  const name = call.program.name(node, self);
  if (declaration.source === "path") return new NodeFile(name, "", basename(declaration.value));
  if (declaration.source === "glob") return globbed(name);
  return storedValue(call, name, declaration);
}

async function globbed(name) {
  const folder = new NodeFile(name, "", name);
  return (await folder.names()).map((path) => folder.file(path));
}

async function storedValue(call, name, declaration) {
  const answer = await call.askOne({ node: { name } });
  if (answer.answer === "absent") throw new CalyxError(`${name} is not there: the variable "${declaration.value}" is not set, and has no default`);
  return decode(call, valueOf(answer, name));
}

/** The file or folder of a node. What is looked at becomes a dependency, and nothing else. */
class NodeFile extends File {
  #node;
  #part;
  #name;

  constructor(node, part, name) {
    super("");
    [this.#node, this.#part, this.#name] = [node, part, name];
  }

  get own() {
    return undefined;
  }

  get name() {
    return this.#name;
  }

  async path() {
    const view = this.#part ? this.#fileView() : undefined;
    const call = currentCall(`read ${this.#node}`);
    return pathOf(call, await this.#ask(call, view), this.#name);
  }

  async exists() {
    try {
      await this.#ask(currentCall(`look for ${this.#node}`), this.#part ? this.#fileView() : { kind: View.KIND_EXISTS });
      return true;
    } catch (error) {
      if (!(error instanceof AbsentError)) throw error;
      return this.#part !== "" && (await this.#isFolder());
    }
  }

  async #isFolder() {
    try {
      return (await this.names()).length > 0;
    } catch (error) {
      if (error instanceof AbsentError) return false;
      throw error;
    }
  }

  #fileView() {
    return { kind: View.KIND_FILE, name: Buffer.from(this.#part) };
  }

  async names() {
    const text = contentOf(await this.#ask(currentCall(`list ${this.#node}`), { kind: View.KIND_KEYS })).toString();
    const below = this.#part ? this.#part + "/" : "";
    return JSON.parse(text)
      .filter((path) => path.startsWith(below))
      .map((path) => path.slice(below.length))
      .sort();
  }

  async #ask(call, view) {
    return valueOf(await call.askOne({ node: { name: this.#node }, view }), this.#part ? `${this.#node}/${this.#part}` : this.#node);
  }

  file(name) {
    return new NodeFile(this.#node, this.#part ? `${this.#part}/${name}` : name, basename(name));
  }
}
