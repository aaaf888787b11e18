// Package yamltest holds what everything that reads YAML of users must refuse.
package yamltest

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"aiforge.dev/forge"
)

// Bomb is YAML with an alias, *a9, that unfolds to a billion values.
func Bomb() string {
	var b strings.Builder
	b.WriteString("a: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&b, "b%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return b.String()
}

// Hostile checks that aliases that unfold to billions of values, nesting without end and
// keys given twice are refused, in little memory. head is what the document begins
// with, list a key of it that has many, twice a document with a key given twice; more
// are hostile documents of the reader's own.
func Hostile(t *testing.T, parse func([]byte) error, head, list, twice string, more map[string]string) {
	t.Helper()
	bomb := head + Bomb()
	texts := map[string]string{
		"a bomb":        bomb + list + ": *a9\n",
		"a loop":        list + ": &l [*l]\n",
		"deep":          list + ": " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"deep maps":     list + ": " + strings.Repeat("{a: ", 100_000) + strings.Repeat("}", 100_000),
		"twice":         twice,
		"a merged bomb": bomb + list + ": {<<: [*a9]}\n",
	}
	maps.Copy(texts, more)
	for what, text := range texts {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := parse([]byte(text))
		runtime.ReadMemStats(&after)
		if forge.KindOf(err) != forge.KindInvalid || len(err.Error()) > 8192 {
			t.Errorf("%s: %.300v", what, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 128<<20 {
			t.Errorf("%s: %d bytes of memory", what, n)
		}
	}
}
