#!/bin/sh
# Generates the description of the plugin protocol's messages, from which the codecs are made when the SDK is loaded:
# that starts faster than reading the .proto, and as fast as thousands of lines of generated code.
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-save --prefix "$folder" protobufjs@7 protobufjs-cli@1
"$folder/node_modules/.bin/pbjs" -t json ../../proto/calyx/plugin/v1/plugin.proto |
  node -e 'process.stdout.write(JSON.stringify(JSON.parse(require("fs").readFileSync(0))) + "\n")' >src/protocol.json
