#!/bin/sh
# Installs the Dapr SDK into node_modules, once.
set -eu
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || { echo "installing the Dapr SDK for JavaScript"; npm ci --silent; }
