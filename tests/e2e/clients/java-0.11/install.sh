#!/bin/sh
# Builds target/client.jar, when a source is newer than it.
set -eu
cd "$(dirname "$0")"
if [ ! -f target/client.jar ] || [ -n "$(find pom.xml src -newer target/client.jar)" ]; then
    mvn -q -B package
fi
