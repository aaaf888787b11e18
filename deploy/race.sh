#!/usr/bin/env bash
# Runs the tests of every package that has goroutines, locks or atomics under the race
# detector, except those whose tests link DuckDB: its bindings would be built a second
# time, and what they run is in a process of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
# With -test, Deps of PACKAGE.test are what its test binary links.
links=$(go list -test -f '{{if eq .Name "main"}}{{range .Deps}}{{if eq . "github.com/duckdb/duckdb-go-bindings"}}{{$.ImportPath}}{{end}}{{end}}{{end}}' ./... | sed 's/\.test$//')
packages=()
while read -r dir pkg; do
  [ -n "$dir" ] || continue
  grep -qxF "$pkg" <<< "$links" && continue
  grep -qE '^\s*(defer )?go [a-zA-Z]|\.Go\(|\bsync\.|\batomic\.' "$dir"/*.go || continue
  packages+=("$pkg")
done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}} {{.ImportPath}}{{end}}' ./...)
echo "race: ${#packages[@]} packages"
exec python3 deploy/gotest.py -race -timeout 20m "${packages[@]}"
