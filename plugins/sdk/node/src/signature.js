// The parameters of a function, as its source spells them.

import { parseExpressionAt } from "acorn";

import { DeclarationError } from "./errors.js";

/**
 * @returns {{ name: string, type: string, default?: unknown, optional: boolean }[]}
 */
export function parametersOf(run, types) {
  const parameters = parse(run).params.map((node) => parameter(node, run, types));
  for (const name of Object.keys(types)) {
    if (!parameters.some((p) => p.name === name)) throw new DeclarationError(`${run.name}: types names "${name}", which is no parameter`);
  }
  return parameters;
}

/** The body may speak of the class around it: its private names, and what it inherits. */
const OUT_OF_PLACE = { ecmaVersion: "latest", allowSuperOutsideMethod: true, checkPrivateFields: false };

/** A method's source is only an expression within an object. */
function parse(run) {
  const source = Function.prototype.toString.call(run);
  for (const sourceType of ["module", "script"]) {
    for (const [before, after, pick] of [
      ["(", ")", (e) => e],
      ["({", "})", (e) => e.properties[0].value],
    ]) {
      try {
        const found = pick(parseExpressionAt(before + source + after, 0, { ...OUT_OF_PLACE, sourceType }));
        if (found?.params) return found;
      } catch {
        // Another form is tried, and the error below tells what is the matter.
      }
    }
  }
  throw new DeclarationError(`${run.name}: its source cannot be read, so calyx does not know its parameters; give fn the function itself`);
}

function parameter(node, run, types) {
  if (node.type === "Identifier") return { name: node.name, type: types[node.name] ?? "any", optional: false };
  if (node.type === "AssignmentPattern" && node.left.type === "Identifier") {
    const name = node.left.name;
    return { name, type: types[name] ?? "any", optional: true, default: constant(node.right, `${run.name}: the default of "${name}"`) };
  }
  throw new DeclarationError(`${run.name}: a parameter that is a pattern or a rest has no name by which a step could give it`);
}

/** What a plain expression means: a default must be known without running code. */
function constant(node, where) {
  switch (node.type) {
    case "Literal":
      if (!node.regex) return node.bigint ? BigInt(node.bigint) : node.value;
      break;
    case "TemplateLiteral":
      if (node.expressions.length === 0) return node.quasis[0].value.cooked;
      break;
    case "UnaryExpression": {
      const value = constant(node.argument, where);
      if (node.operator === "-") return -value;
      break;
    }
    case "ArrayExpression":
      if (node.elements.every((e) => e && e.type !== "SpreadElement")) return node.elements.map((e) => constant(e, where));
      break;
    case "ObjectExpression":
      if (node.properties.every((p) => p.type === "Property" && !p.computed && p.kind === "init" && !p.method)) {
        return Object.fromEntries(node.properties.map((p) => [p.key.name ?? String(p.key.value), constant(p.value, where)]));
      }
      break;
    case "Identifier":
      if (node.name === "Infinity") return Infinity;
      if (node.name === "NaN") return NaN;
  }
  throw new DeclarationError(`${where} is not written as a constant; write one, or null and fill it in in the body`);
}
