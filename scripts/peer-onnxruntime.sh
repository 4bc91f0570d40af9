#!/bin/sh
# peer-onnxruntime.sh FOLDER: installs onnxruntime, a peer of the tests and of `make
# bench`, into FOLDER/node_modules.  The npm package carries its library for Linux; no
# script of it has to run.
set -eu
if [ $# -ne 1 ]; then
    echo "usage: peer-onnxruntime.sh FOLDER" >&2
    exit 2
fi
if ! command -v npm >/dev/null 2>&1; then
    echo "peer-onnxruntime.sh: npm is missing: install the Debian package npm" >&2
    exit 1
fi
mkdir -p "$1"
npm install --prefix "$1" --ignore-scripts --no-save --no-fund --no-audit --loglevel=error \
    onnxruntime-node@1.16.3
