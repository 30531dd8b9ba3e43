// What a node reads by asking: files, folders, patterns, variables. Each becomes a dependency, also where it is not there.

import { basename, relative, resolve } from "node:path";

import { currentCall, valueOf } from "./call.js";
import { contentOf, pathOf } from "./files.js";
import { View } from "./protocol.js";

const BYTES = { kind: View.KIND_BYTES };

/** @returns {Promise<Buffer>} the bytes of a file. */
export async function readFile(path) {
  const { request, call, name } = asked(path, "file", BYTES);
  return contentOf(valueOf(await call.askOne(request), name));
}

/** @returns {Promise<string>} the text of a file. */
export const readText = async (path) => (await readFile(path)).toString();

/** @returns {Promise<string>} a path under which programs can read a file as it is now. */
export async function pathFor(path) {
  const { request, call, name } = asked(path, "file", BYTES);
  return pathOf(call, valueOf(await call.askOne(request), name), basename(name));
}

/** @returns {Promise<string[]>} the sorted names in a folder. */
export async function listdir(path = ".") {
  const { request, call, name } = asked(path, "listing");
  return json(await call.askOne(request), name).map((n) => n.replace(/\/$/, "")).sort();
}

/** @returns {Promise<boolean>} whether there is something at a path. */
export async function exists(path) {
  const { request, call, name } = asked(path, "exists");
  const answer = await call.askOne(request);
  return answer.answer !== "absent" && json(answer, name) !== "";
}

/** @returns {Promise<string[]>} the sorted paths of the files that match a pattern, in which ** stands for any folders. */
export async function glob(pattern) {
  return json(await currentCall(`glob ${pattern}`).askOne({ glob: Buffer.from(pattern) }), pattern).sort();
}

/** @returns {Promise<string | undefined>} a variable of the environment that the user declared; otherwise where it is not set. */
export async function env(name, otherwise) {
  const answer = await currentCall(`env ${name}`).askOne({ env: name });
  return answer.answer === "absent" ? otherwise : json(answer, name);
}

/** @returns {Promise<string>} the name of the instance that is built. A node that asks has a result per instance. */
export async function instance() {
  return json(await currentCall("instance").askOne({ instance: true }), "the instance's name");
}

const json = (answer, what) => JSON.parse(contentOf(valueOf(answer, what)).toString());

/** A request about a path: relative in the workspace, absolute outside. */
function asked(path, subject, view) {
  const call = currentCall(`read ${path}`);
  const full = resolve(path);
  const inside = relative(call.workspace, full);
  const name = inside === "" ? "." : inside === ".." || inside.startsWith("../") ? full : inside;
  return { call, name, request: { [subject]: Buffer.from(name), view } };
}
