package fault_test

import (
	"errors"
	"testing"

	"aiforge.dev/forge/internal/fault"
)

func TestHook(t *testing.T) {
	var none fault.Hook
	if none.At("x") != nil || none.In("part") != nil {
		t.Error("no hook does something")
	}
	stop := errors.New("stop")
	hook := fault.Hook(func(point string) error {
		if point == "sink: committed" {
			return stop
		}
		return nil
	})
	if err := hook.In("sink").At("committed"); !errors.Is(err, stop) {
		t.Errorf("at the point: %v", err)
	}
	if err := hook.In("sink").At("spooled"); err != nil {
		t.Errorf("elsewhere: %v", err)
	}
}
