#!/bin/sh
# Builds bin/order-processor.dll.
set -eu
cd "$(dirname "$0")"
dotnet build --nologo --verbosity minimal --configuration Release --output bin
