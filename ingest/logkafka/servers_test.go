//go:build servers

package logkafka_test

import (
	"os"
	"testing"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/ingesttest"
)

func TestKafka(t *testing.T) {
	addr := os.Getenv("FORGE_TEST_KAFKA")
	if addr == "" {
		t.Fatal("FORGE_TEST_KAFKA is not set: want HOST:PORT of a Kafka broker")
	}
	ingesttest.TestLog(t, func(t testing.TB) ingest.Log { return open(t, addr) })
}
