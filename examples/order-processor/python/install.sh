#!/bin/sh
# Installs the Dapr SDK into .venv, once.
set -eu
cd "$(dirname "$0")"
../../../scripts/venv .venv requirements.txt
