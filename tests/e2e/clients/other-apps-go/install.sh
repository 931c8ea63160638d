#!/bin/sh
# Builds ./client.
set -eu
cd "$(dirname "$0")"
go build -o client .
