package flow_test

import (
	"strings"
	"testing"

	"aiforge.dev/forge/internal/yamltest"
	"aiforge.dev/forge/ui/flow"
)

func TestHostileYAML(t *testing.T) {
	parse := func(b []byte) error { _, err := flow.Parse(b); return err }
	yamltest.Hostile(t, parse, "kind: Pipeline\n", "nodes", "kind: Pipeline\nkind: Pipeline\n", map[string]string{
		"a bomb where anything may be": "apiVersion: forge/v1\nkind: Pipeline\nnodes:\n  n:\n    config:\n      " + strings.ReplaceAll(yamltest.Bomb(), "\n", "\n      "),
	})
}
