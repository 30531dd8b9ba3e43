// Runs one call and tells how it ended.

import { fileURLToPath } from "node:url";

import { NeedError, RetryAfter } from "./errors.js";
import { decode, encode } from "./values.js";

/** Run the function of a call. Its item is sent by the caller, once it has said what the process read meanwhile. */
export async function run(call) {
  const cancelled = new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason), { once: true }));
  try {
    const value = await Promise.race([call.run(() => invoke(call)), cancelled]);
    return { result: { value: encode(call, value) } };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

async function invoke(call) {
  const served = call.program.functions.get(call.start.function);
  if (!served) throw new ReferenceError(`this plugin has no function "${call.start.function}"`);
  const { declaration, self } = served;
  return declaration.run.apply(self, argumentsOf(call, declaration));
}

/** Read the arguments that the host gave; JavaScript fills in the defaults of the others. */
function argumentsOf(call, { parameters }) {
  const name = call.start.function;
  const given = new Map(call.start.arguments.map((a) => [a.name, a.value]));
  for (const key of given.keys()) {
    if (!parameters.some((p) => p.name === key)) throw new TypeError(`${name} has no parameter "${key}"`);
  }
  return parameters.map((p) => {
    if (given.has(p.name)) return decode(call, given.get(p.name), p.type);
    if (!p.optional) throw new TypeError(`${name} needs the argument "${p.name}"`);
    return undefined;
  });
}

const HERE = new URL(".", import.meta.url);
const OWN_FRAMES = [HERE.href, fileURLToPath(HERE), "node:internal/", "node:async_hooks"];

/** The length up to which a text is told whole: a message has a limit. */
const LONGEST = 128 << 10;

/** The failure for whatever a function threw: its type and message, and the stack of the user's lines. */
function failureOf(error) {
  const failure = { message: short(messageOf(error)), details: short(detailsOf(error)), unmet: error instanceof NeedError };
  if (error instanceof RetryAfter) {
    failure.retryable = true;
    failure.retryAfter = { seconds: Math.floor(error.seconds), nanos: Math.floor((error.seconds % 1) * 1e9) };
  }
  return failure;
}

/** Leave out the middle of a text that is too long, such as that of an error which shows all of its data. */
function short(text) {
  const half = LONGEST / 2;
  const told = text.length <= LONGEST ? text : `${text.slice(0, half)}\n… ${text.length - LONGEST} characters are left out …\n${text.slice(-half)}`;
  return told.toWellFormed();
}

function messageOf(error) {
  return error instanceof Error ? `${show(() => error.name)}: ${show(() => error.message)}` : `a function threw ${show(() => error)}, which is no Error`;
}

/** Something may be thrown that cannot even be shown, or looked at. */
function show(take) {
  let value;
  try {
    value = take();
    return String(value);
  } catch {
    return `a strange ${typeof value}`;
  }
}

function detailsOf(error, depth = 0) {
  if (!(error instanceof Error)) return messageOf(error);
  const frames = show(() => error.stack).split("\n").filter((line) => !/^\s+at /.test(line) || !OWN_FRAMES.some((own) => line.includes(own)));
  const found = causeOf(error);
  const cause = found !== undefined && depth < 10 ? `\ncaused by: ${detailsOf(found, depth + 1)}` : "";
  const parts = error instanceof AggregateError && depth < 10 ? error.errors.map((e) => `\n- ${detailsOf(e, depth + 1)}`).join("") : "";
  return frames.join("\n") + cause + parts;
}

function causeOf(error) {
  try {
    return error.cause;
  } catch {
    return undefined;
  }
}
