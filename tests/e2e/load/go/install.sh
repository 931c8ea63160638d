#!/bin/sh
# Builds ./load.
set -eu
cd "$(dirname "$0")"
go build -o load .
