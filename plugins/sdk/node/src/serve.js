// Shakes hands with calyx and serves the protocol.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";

import { describe } from "./describe.js";
import { CalyxError } from "./errors.js";
import { COOKIE, COOKIE_KEY, environment } from "./environment.js";
import { Program } from "./program.js";
import { DescribeRequest, DescribeResponse, MAX_MESSAGE, SessionRequest, VERSION } from "./protocol.js";
import { Session } from "./session.js";
import { shakeHands } from "./stdio.js";
import { watch } from "./watch.js";

/** `grpc.health.v1.HealthCheckResponse{status: SERVING}`. */
const SERVING = Buffer.from([0x08, 0x01]);

/** How often to look whether calyx, which started this process, is still there, in milliseconds. */
const PARENT_CHECK = 1000;

/**
 * Serve pipelines, nodes, and objects that hold some to calyx until it has no more use for the process. Where the program was not
 * started by calyx, it says so on standard error and ends with status 1.
 */
export function serve(...things) {
  if (environment[COOKIE_KEY] !== COOKIE) {
    end(`this program is a plugin for calyx; name it in a Calyxfile, plugin(cmd = ["node", …]), and do not start it yourself`);
  }
  try {
    listen(new Program(things));
  } catch (error) {
    if (!(error instanceof CalyxError)) throw error;
    end(error.message);
  }
}

function end(message) {
  process.stderr.write(`${process.argv[1]}: ${message}\n`);
  process.exit(1);
}

function listen(program) {
  const server = new Server({ "grpc.max_receive_message_length": MAX_MESSAGE, "grpc.max_send_message_length": MAX_MESSAGE });
  addServices(server, program);
  const folder = environment.PLUGIN_UNIX_SOCKET_DIR || mkdtempSync(join(tmpdir(), "calyx-plugin-"));
  const address = join(folder, `${process.pid}.sock`);
  server.bindAsync("unix:" + address, ServerCredentials.createInsecure(), (error) => {
    if (error) end(`listen on ${JSON.stringify(address)}: ${error.message}`);
    endWithParent();
    surviveRejections();
    shakeHands(`1|${VERSION}|unix|${address}|grpc|\n`);
  });
}

/** A connection that is lost before a session began shows in nothing else. */
function endWithParent() {
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(0), PARENT_CHECK).unref();
}

/**
 * A need that fails while its function waits for something else would end the process, and other calls with it. calyx knows of the
 * failure, and does not keep the result of a call that saw it.
 */
function surviveRejections() {
  process.on("unhandledRejection", (reason) => console.error("a promise that nobody awaited was rejected:", reason));
}

function addServices(server, program) {
  const description = { ...describe(basename(process.argv[1], extname(process.argv[1])), program), reads: watch.fresh().reads };
  let identified;
  let session;
  server.addService(
    {
      describe: method("/calyx.plugin.v1.Plugin/Describe", encoded(DescribeResponse), decoder(DescribeRequest)),
      session: method("/calyx.plugin.v1.Plugin/Session", same, decoder(SessionRequest), true),
      check: method("/grpc.health.v1.Health/Check", same, same),
      shutdown: method("/plugin.GRPCController/Shutdown", same, same),
    },
    {
      describe: ({ request }, done) => {
        if (!request.identity) return done(null, description);
        identified ??= import("./identity.js").then(({ addIdentity }) => addIdentity(description));
        identified.then((found) => done(null, found), (error) => done({ code: status.INTERNAL, message: String(error) }));
      },
      session: (stream) => {
        if (session) return stream.emit("error", { code: status.ALREADY_EXISTS, message: "this process has a session" });
        session = new Session(program, watch, stream);
        for (const event of ["end", "cancelled", "error"]) stream.on(event, () => leave(stream));
      },
      check: (_, done) => done(null, SERVING),
      shutdown: (_, done) => {
        done(null, Buffer.alloc(0));
        setTimeout(() => process.exit(0), 50);
      },
    },
  );
}

/** Nobody waits for a result any more. The host's Shutdown is given the time to be answered. */
function leave(stream) {
  stream.end();
  setTimeout(() => process.exit(0), 200);
}

const same = (bytes) => bytes;
const encoded = (type) => (message) => Buffer.from(type.encode(message).finish());
const decoder = (type) => (bytes) => type.decode(bytes);

function method(path, responseSerialize, requestDeserialize, stream = false) {
  return { path, requestStream: stream, responseStream: stream, responseSerialize, requestDeserialize, requestSerialize: same, responseDeserialize: same };
}
