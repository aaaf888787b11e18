#!/usr/bin/env bash
# Puts the ONNX Runtime library, pinned and checksummed, at .cache/ort/libonnxruntime.so.
# The npm package carries the official builds; nothing of it is run.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=1.30.0
sum=b7086cd42d82fc1164cf5c9ce4e634288536194aba0d444eee10f86f1e50d90cb79c0309c115d6f31537355733136f5503d96894b3987a9a03f1f8d318e7c8ab
stamp=.cache/ort/version
[ -f .cache/ort/libonnxruntime.so ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ] && exit 0

case "$(uname -m)" in
  x86_64) arch=x64 ;;
  aarch64|arm64) arch=arm64 ;;
  *) echo "setup: no ONNX Runtime build for $(uname -m); set FORGE_ONNXRUNTIME to one of your own" >&2; exit 1 ;;
esac
[ "$(uname -s)" = Linux ] || { echo "setup: this script knows Linux only; set FORGE_ONNXRUNTIME to the library of onnxruntime $version" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "setup: ONNX Runtime $version (about 110 MB)"
(cd "$work" && npm pack --ignore-scripts --silent "onnxruntime-node@$version" >/dev/null)
echo "$sum  $work/onnxruntime-node-$version.tgz" | sha512sum --check --quiet
tar -xzf "$work/onnxruntime-node-$version.tgz" -C "$work" "package/bin/napi-v6/linux/$arch/libonnxruntime.so.1"
mkdir -p .cache/ort
mv "$work/package/bin/napi-v6/linux/$arch/libonnxruntime.so.1" .cache/ort/libonnxruntime.so
echo "$version" > "$stamp"
