#!/bin/sh
# Installs the Dapr SDK into .venv, once.
set -eu
cd "$(dirname "$0")"
if [ ! .venv/done -nt requirements.txt ]; then
    echo "installing the Dapr SDK for Python"
    [ -x .venv/bin/python ] || python3 -m venv .venv
    .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt
    touch .venv/done
fi
