#!/bin/sh
# Installs the Dapr SDK into .venv, once.
set -eu
cd "$(dirname "$0")"
[ -x .venv/bin/python ] || python3 -m venv .venv
[ .venv/done -nt requirements.txt ] || { .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt && touch .venv/done; }
