package features_test

import (
	"testing"

	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/yamltest"
)

func TestHostileYAML(t *testing.T) {
	parse := func(b []byte) error { _, err := features.ParseDocument(b); return err }
	yamltest.Hostile(t, parse, "", "views", "entities: [{name: a, name: b, keys: [id]}]\n", nil)
}
