#!/bin/sh
# Builds bin/order-processor.dll.
set -eu
cd "$(dirname "$0")"
dotnet build --nologo --verbosity quiet --configuration Release --output bin
