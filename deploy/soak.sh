#!/usr/bin/env bash
# The fault run: the demo's flow on a server that is killed, frozen and starved at random
# moments and at every commit point by name. FAULTS and SEED may be given. As root it
# works on a small disk of its own, so that full disks are real. The report goes to
# docs/bench/soak.json.
set -euo pipefail
cd "$(dirname "$0")/.."
faults=${FAULTS:-320}
seed=${SEED:-$(date +%Y%m%d)}
args=(-soak.faults "$faults" -soak.seed "$seed" -soak.out "$PWD/docs/bench/soak.json")
mkdir -p docs/bench
disk=$(mktemp -d)
trap 'umount "$disk" 2>/dev/null || true; rmdir "$disk"' EXIT
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=700m tmpfs "$disk" 2>/dev/null; then
  args+=(-soak.disk "$disk")
else
  echo "not root, or no mounts here: full disks are errors at fault points"
fi
go test ./cmd/forge -run '^TestSoak$' -count 1 -timeout 6h -v "${args[@]}"
