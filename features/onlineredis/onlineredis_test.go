package onlineredis_test

import (
	"context"
	"net"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features/onlineredis"
)

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, a := range []string{addr, "redis://" + addr + "/0"} {
		if _, err := onlineredis.Open(ctx, a, "forge"); err == nil || forge.KindOf(err) != forge.KindUnavailable {
			t.Errorf("%s: %v", a, err)
		}
	}
}
