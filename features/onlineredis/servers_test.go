//go:build servers

package onlineredis_test

import (
	"context"
	"os"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/featurestest"
	"aiforge.dev/forge/features/onlineredis"
	"github.com/redis/go-redis/v9"
)

func address(t testing.TB) string {
	t.Helper()
	addr := os.Getenv("FORGE_TEST_REDIS")
	if addr == "" {
		t.Fatal("FORGE_TEST_REDIS (host:port) is not set; this lane needs a real Redis")
	}
	return addr
}

func TestOnline(t *testing.T) {
	addr := address(t)
	featurestest.TestOnline(t, func(t testing.TB) features.Online {
		prefix := forge.NewID("test")
		s, err := onlineredis.Open(t.Context(), addr, prefix)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = s.Close()
			sweep(t, addr, prefix)
		})
		return s
	})
}

// sweep removes what a test left in a Redis that others may use as well.
func sweep(t testing.TB, addr, prefix string) {
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	ctx := context.Background()
	it := client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
	for it.Next(ctx) {
		client.Unlink(ctx, it.Val())
	}
	if err := it.Err(); err != nil {
		t.Error(err)
	}
}
