#!/bin/sh
# Builds ./order-processor.
set -eu
cd "$(dirname "$0")"
go build -o order-processor .
