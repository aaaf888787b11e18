#!/usr/bin/env bash
# The contract suites on real servers, started here on loopback from declared packages:
# PostgreSQL, Redis, Apache Kafka and S3 (versitygw). A skipped test fails the lane.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for _ in $(seq 150); do kill -0 "${pids[@]}" 2>/dev/null || break; sleep 0.1; done
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
chmod 755 "$work"

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

wait_for() { # wait_for NAME SECONDS COMMAND…
  local name=$1 limit=$2 began=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $((SECONDS - began)) -lt "$limit" ] || { echo "$name is not ready after $limit s" >&2; cat "$work/$name.log" >&2 || true; exit 1; }
    sleep 0.2
  done
  echo "$name: ready after $((SECONDS - began)) s"
}

as_nobody=()
[ "$(id -u)" = 0 ] && as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$work")

# PostgreSQL does not run as root.
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
pg=$(port)
mkdir "$work/pg"; [ "$(id -u)" = 0 ] && chown 65534:65534 "$work/pg"
"${as_nobody[@]}" "$bin/initdb" -D "$work/pg" -U forge --auth=trust -N -E UTF8 --locale=C.UTF-8 > "$work/postgres.log" 2>&1
"${as_nobody[@]}" "$bin/postgres" -D "$work/pg" -c listen_addresses=127.0.0.1 -c port="$pg" -c unix_socket_directories="$work/pg" -c fsync=off >> "$work/postgres.log" 2>&1 &
pids+=($!)

redis=$(port)
redis-server --port "$redis" --bind 127.0.0.1 --dir "$work" --save "" --appendonly no --daemonize no > "$work/redis.log" 2>&1 &
pids+=($!)

kafka=$(port); controller=$(port)
deploy/setup/kafka.sh
cat > "$work/kafka.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$kafka,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$kafka
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$work/kafka
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
P
java=(java -Xmx512m -cp ".cache/kafka/*")
"${java[@]}" kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-22)" -c "$work/kafka.properties" > "$work/kafka.log" 2>&1
"${java[@]}" kafka.Kafka "$work/kafka.properties" >> "$work/kafka.log" 2>&1 &
pids+=($!)

s3=$(port)
deploy/setup/versitygw.sh
mkdir -p "$work/s3/lake"
ROOT_ACCESS_KEY=forge ROOT_SECRET_KEY=forge-secret .cache/versitygw/versitygw --port "127.0.0.1:$s3" posix "$work/s3" > "$work/s3.log" 2>&1 &
pids+=($!)

wait_for postgres 60 "$bin/pg_isready" -q -h 127.0.0.1 -p "$pg"
wait_for redis 20 redis-cli -p "$redis" ping
wait_for kafka 120 grep -q "Kafka Server started" "$work/kafka.log"
wait_for s3 30 bash -c "exec 3<>/dev/tcp/127.0.0.1/$s3"

export FORGE_TEST_POSTGRES="postgres://forge@127.0.0.1:$pg/postgres?sslmode=disable"
export FORGE_TEST_REDIS=127.0.0.1:$redis
export FORGE_TEST_KAFKA=127.0.0.1:$kafka
export FORGE_TEST_S3=http://forge:forge-secret@127.0.0.1:$s3
deploy/setup/pyiceberg.sh
export FORGE_TEST_PYICEBERG=$PWD/.cache/pyiceberg/bin/python
deploy/setup/mlflow.sh
export FORGE_TEST_MLFLOW=$PWD/.cache/mlflow/bin/python
export FORGE_TEST_BINARY=$work/forge
go build -o "$FORGE_TEST_BINARY" ./cmd/forge

# Every test of a file named …servers_test.go, and nothing else of its package.
files=$(git ls-files '*servers_test.go')
# shellcheck disable=SC2086
tests=$(sed -nE 's/^func (Test[A-Za-z0-9_]*)\(t \*testing\.T\).*/\1/p' $files | sort -u | paste -sd '|')
packages=$(dirname $files | sort -u | sed 's|^|./|')
# shellcheck disable=SC2086
python3 deploy/gotest.py -tags servers -run "^($tests)\$" -count 1 -timeout 20m $packages
