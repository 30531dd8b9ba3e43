#!/bin/sh
# Sets the example up: the corpus, which is some of the Python standard library's own packages, and both SDKs.
set -eu
cd "$(dirname "$0")"

library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
for package in asyncio collections concurrent email html http importlib json logging multiprocessing sqlite3 unittest urllib xml; do
    (cd "$library" && find "$package" -name '*.py' ! -path '*/test*/*') | while read -r file; do
        mkdir -p "corpus/${file%/*}"
        cp "$library/$file" "corpus/$file"
        chmod u+w "corpus/$file"
    done
done

python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check numpy ../../plugins/sdk/python
npm install --install-links --no-package-lock --no-audit --no-fund --loglevel=error
