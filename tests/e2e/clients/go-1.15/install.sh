#!/bin/sh
# Builds ./client: the order-processor of the examples with a later SDK.
set -eu
cd "$(dirname "$0")"
here=$PWD
cd ../../../../examples/order-processor/go
go build -modfile="$here/go.mod" -o "$here/client" .
