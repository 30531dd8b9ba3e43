// What a process tells about itself.

import { literal } from "./literal.js";

/** @returns a DescribeResponse without code identity; throws what cannot be described. */
export function describe(name, program) {
  return {
    name,
    functions: [...program.functions].map(([n, served]) => describeFunction(n, served.declaration)),
    stored: [...program.stored].map(([n, declaration]) => describeStored(n, declaration)),
  };
}

function describeFunction(name, declaration) {
  const { options, overlap, parameters } = declaration;
  return { name, overlap, doc: options.doc ?? "", returns: options.returns ?? "any", parameters: parameters.map((p) => describeParameter(name, p)) };
}

function describeParameter(node, { name, type, optional, default: value }) {
  return { name, type, default: optional ? literal(value, `${node}: the default of "${name}"`, type) : undefined };
}

function describeStored(name, { source, value, default: otherwise, doc, type }) {
  const where = `${name}: its default`;
  const described = { name, doc, type: type || "any" };
  if (source === "value") return { ...described, value: literal(value, where, type) };
  if (source === "env") return { ...described, env: value, default: otherwise === undefined ? undefined : literal(otherwise, where) };
  return { ...described, [source]: Buffer.from(value) };
}
