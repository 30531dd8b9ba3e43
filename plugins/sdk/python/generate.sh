#!/bin/sh
# Generates the messages of the plugin protocol. The version is fixed on purpose: what newer ones generate refuses to
# work with other major versions of protobuf than their own.
set -eu
cd "$(dirname "$0")"
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" install -q 'grpcio-tools==1.62.3' 'setuptools<80'
"$venv/bin/python" -m grpc_tools.protoc -I ../../proto --python_out="$venv" --pyi_out="$venv" calyx/plugin/v1/plugin.proto
mv "$venv"/calyx/plugin/v1/plugin_pb2.py "$venv"/calyx/plugin/v1/plugin_pb2.pyi src/calyx/_proto/
