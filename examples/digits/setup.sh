#!/bin/sh
# Sets the example up with Debian's PyTorch, which is for the CPU and takes 200 MB with all that it needs. The wheel on PyPI brings
# CUDA along, some GB of it.
set -eu
cd "$(dirname "$0")"

python=/usr/bin/python3
"$python" -c 'import ensurepip, sklearn, torch' 2>/dev/null || {
    echo 'setup: first: apt-get install --no-install-recommends python3-sklearn python3-torch python3-venv' >&2
    exit 1
}
"$python" -m venv --system-site-packages .venv
.venv/bin/pip install --quiet --disable-pip-version-check safetensors ../../plugins/sdk/python
