#!/bin/sh
# Installs each SDK into an environment of its own, .venv-1.12 and so on, once.
set -eu
cd "$(dirname "$0")"
for requirements in requirements-*.txt; do
    version=${requirements#requirements-}
    ../../../../scripts/venv ".venv-${version%.txt}" "$requirements"
done
