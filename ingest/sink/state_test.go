package sink_test

import (
	"testing"

	"aiforge.dev/forge/ingest/sink"
)

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		properties map[string]string
		next       int64
		fed, bad   bool
	}{
		"fed":        {map[string]string{"forge.offsets": `{"topic":"t","next":7}`}, 7, true, false},
		"not fed":    {map[string]string{"forge.note": "x"}, 0, false, false},
		"damaged":    {map[string]string{"forge.offsets": `{"topic"`}, 0, true, true},
		"below zero": {map[string]string{"forge.offsets": `{"topic":"t","next":-1}`}, -1, true, true},
		"no topic":   {map[string]string{"forge.offsets": `{"next":1}`}, 1, true, true},
	} {
		next, fed, err := sink.Next(c.properties)
		if next != c.next || fed != c.fed || (err != nil) != c.bad {
			t.Errorf("%s: %d, %v, %v", name, next, fed, err)
		}
	}
}
