// What nodes print, sorted by the call that printed it; and standard output kept clean for the handshake.

import { calling } from "./call.js";
import { inForeground } from "./environment.js";

const plainOut = process.stdout.write.bind(process.stdout);
const plainErr = process.stderr.write.bind(process.stderr);

let shaken = false;

/**
 * Send the text of a node to the node's log, and all else where it went before: to standard error until hands are shaken. In the
 * foreground all goes to standard error, at once.
 */
export function capture() {
  if (inForeground) {
    process.stdout.write = plainErr;
    return;
  }
  process.stdout.write = printer((...args) => (shaken ? plainOut : plainErr)(...args));
  process.stderr.write = printer(plainErr);
}

function printer(write) {
  return (chunk, encoding, done) => {
    const call = calling();
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, typeof encoding === "string" ? encoding : "utf8") : Buffer.from(chunk);
    if (!call?.printed(bytes)) return write(chunk, encoding, done);
    const told = typeof encoding === "function" ? encoding : done;
    if (told) process.nextTick(told);
    return true;
  };
}

/** Print the line that calyx waits for. */
export function shakeHands(line) {
  plainOut(line);
  shaken = true;
}
