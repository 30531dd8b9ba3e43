// The conformance functions of docs/plugin-protocol.md, for `calyx plugin check`.

import { setTimeout } from "node:timers/promises";
import { AbsentError, Float, RetryAfter, env, fn, log, metric, progress, serve, signal } from "../src/index.js";

const echo = fn(async function calyx_check_echo(value) {
  return value;
});

const add = fn({ types: { a: "int", b: "int" } }, function calyx_check_add(a, b = 2) {
  if (!Number.isInteger(a) || !Number.isInteger(b)) throw new TypeError("a and b are integers");
  return a + b;
});

const half = fn(function calyx_check_half(number) {
  return new Float(number / 2);
});

const need = fn(async function calyx_check_need(values, at_once = 1) {
  const got = [];
  for (let i = 0; i < values.length; i += at_once) got.push(...(await Promise.all(values.slice(i, i + at_once).map((value) => echo(value)))));
  return got;
});

const variable = fn(async function calyx_check_env(name) {
  try {
    return await env(name);
  } catch (error) {
    if (error instanceof AbsentError) return null;
    throw error;
  }
});

const sleep = fn(async function calyx_check_sleep(seconds) {
  progress(0, 1);
  await setTimeout(Math.min(seconds * 1000, 2 ** 31 - 1), undefined, { signal: signal() });
});

const fail = fn(async function calyx_check_fail(message) {
  throw new Error(message);
});

const retry = fn(async function calyx_check_retry(seconds) {
  throw new RetryAfter(seconds);
});

const tell = fn(async function calyx_check_tell(text) {
  log(text);
  progress(1, 2, "steps");
  metric("calyx_check", 0.5, "units");
});

const print = fn(async function calyx_check_print(text) {
  process.stdout.write(text);
});

serve(echo, add, half, need, variable, sleep, fail, retry, tell, print);
