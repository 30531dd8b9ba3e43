// The functions of node:fs as they are before anything watches them: what the SDK itself does is no read of a node.

import fs from "node:fs";

export const plain = Object.freeze({ ...fs });
