#!/bin/sh
# Builds target/order-processor.jar, when a source is newer than it.
set -eu
cd "$(dirname "$0")"
if [ ! -f target/order-processor.jar ] || [ -n "$(find pom.xml src -newer target/order-processor.jar)" ]; then
    echo "building the order-processor in Java"
    mvn -q -B package
fi
