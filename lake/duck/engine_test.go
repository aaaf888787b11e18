package duck_test

import (
	"testing"

	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/laketest"
)

func TestMain(m *testing.M) { laketest.Main(m) }

func TestEngine(t *testing.T) {
	laketest.TestEngine(t, func(t testing.TB) lake.Engine { return laketest.Engine(t, duck.Config{}) })
}
