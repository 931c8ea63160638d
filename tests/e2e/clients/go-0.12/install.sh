#!/bin/sh
# Builds ./client, and ./client-0.14 with an SDK that keeps histories and is sent only what is new.
set -eu
cd "$(dirname "$0")"
go build -o client .
go build -modfile=go-0.14.mod -o client-0.14 .
