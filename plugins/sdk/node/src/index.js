// The Node SDK of calyx: nodes of a pipeline as ordinary functions and methods. See docs/node-sdk.md.

import { isPlugin } from "./environment.js";
import { capture } from "./stdio.js";
import { watch } from "./watch.js";

if (isPlugin) {
  capture();
  watch.start();
}

export { Pipeline, fn, pipeline, stored } from "./declare.js";
export { AbsentError, CalyxError, Cancelled, DeclarationError, NeedError, OutsideNodeError, RetryAfter, UnstorableError } from "./errors.js";
export { File } from "./files.js";
export { Float } from "./json.js";
export { NdArray } from "./npy.js";
export { env, exists, glob, instance, listdir, pathFor, readFile, readText } from "./reads.js";
export { serve } from "./serve.js";
export { log, metric, outDir, progress, scratch, signal } from "./tell.js";
