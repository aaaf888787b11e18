#!/usr/bin/env bash
# Builds versitygw, an S3 server over a folder, from its Go module at an exact version;
# the Go checksum database covers it.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=v1.8.0
[ "$(cat .cache/versitygw/version 2>/dev/null)" = "$version" ] && exit 0
echo "setup: versitygw $version"
mkdir -p .cache/versitygw
GOBIN=$PWD/.cache/versitygw GOFLAGS= go install "github.com/versity/versitygw/cmd/versitygw@$version"
echo "$version" > .cache/versitygw/version
