package features_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

// TestHostileYAML: aliases that unfold to billions of values, nesting without end and keys
// given twice are refused, in little memory.
func TestHostileYAML(t *testing.T) {
	bomb := "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("b%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for what, text := range map[string]string{
		"a bomb":        bomb + "views: *a9\n",
		"a loop":        "views: &l [*l]\n",
		"deep":          "views: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"deep maps":     "views: " + strings.Repeat("{a: ", 100_000) + strings.Repeat("}", 100_000),
		"twice":         "entities: [{name: a, name: b, keys: [id]}]\n",
		"a merged bomb": bomb + "views: {<<: [*a9]}\n",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := features.ParseDocument([]byte(text))
		runtime.ReadMemStats(&after)
		if forge.KindOf(err) != forge.KindInvalid || len(err.Error()) > 8192 {
			t.Errorf("%s: %.300v", what, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 128<<20 {
			t.Errorf("%s: %d bytes of memory", what, n)
		}
	}
}
