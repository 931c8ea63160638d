#!/bin/sh
# Builds target/order-processor.jar, when a source is newer than it.
set -eu
cd "$(dirname "$0")"
if [ ! -f target/done ] || [ -n "$(find pom.xml src -newer target/done)" ]; then
    mvn -B package
    touch target/done
fi
