package lake_test

import (
	"testing"

	"aiforge.dev/forge/internal/yamltest"
	"aiforge.dev/forge/lake"
)

func TestHostileYAML(t *testing.T) {
	parse := func(b []byte) error { _, err := lake.ParseRecipe(b); return err }
	yamltest.Hostile(t, parse, "name: x\n", "steps", "name: a\nname: b\nfrom: raw.a\nto: raw.b\nsteps: []\n", nil)
}
