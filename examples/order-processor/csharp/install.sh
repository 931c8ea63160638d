#!/bin/sh
# Builds bin/order-processor.dll.
set -eu
cd "$(dirname "$0")"
echo "building the order-processor in C#"
dotnet build --nologo --verbosity quiet --configuration Release --output bin
