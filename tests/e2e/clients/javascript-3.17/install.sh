#!/bin/sh
# Installs the Dapr SDK into node_modules, once.
set -eu
cd "$(dirname "$0")"
# npm writes this file last.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel http
