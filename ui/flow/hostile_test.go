package flow_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ui/flow"
)

// TestHostileYAML: aliases that unfold to billions of values, nesting without end and keys
// given twice are refused, in little memory.
func TestHostileYAML(t *testing.T) {
	bomb := "kind: Pipeline\na: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("b%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for what, text := range map[string]string{
		"a bomb":                       bomb + "nodes: *a9\n",
		"a bomb where anything may be": "apiVersion: forge/v1\nkind: Pipeline\nnodes:\n  n:\n    config:\n      " + strings.ReplaceAll(strings.TrimPrefix(bomb, "kind: Pipeline\n"), "\n", "\n      "),
		"a loop":                       "nodes: &l [*l]\n",
		"deep":                         "nodes: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"deep maps":                    "nodes: " + strings.Repeat("{a: ", 100_000) + strings.Repeat("}", 100_000),
		"twice":                        "kind: Pipeline\nkind: Pipeline\n",
		"a merged bomb":                bomb + "nodes: {<<: [*a9]}\n",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := flow.Parse([]byte(text))
		runtime.ReadMemStats(&after)
		if forge.KindOf(err) != forge.KindInvalid || len(err.Error()) > 8192 {
			t.Errorf("%s: %.300v", what, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 128<<20 {
			t.Errorf("%s: %d bytes of memory", what, n)
		}
	}
}
