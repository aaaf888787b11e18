package nearest_test

import (
	"testing"

	"aiforge.dev/forge/internal/nearest"
)

func TestName(t *testing.T) {
	have := []string{"raw.calls", "raw.orders", "curated.calls", "x", "größe", "sub"}
	for given, want := range map[string]string{
		"raw.cals": "raw.calls", "raw.clals": "raw.calls", "rw.calls": "raw.calls", "curated.call": "curated.calls", "raw.order": "raw.orders",
		"raw.calls": "", "completely.else": "", "": "x", "y": "x", "grösse": "größe", "usb": "sub", "raw.invoices": "",
	} {
		if got := nearest.Name(given, have); got != want {
			t.Errorf("%q is taken for %q, want %q", given, got, want)
		}
	}
	if got := nearest.Meant("raw.cals", have); got != " (did you mean raw.calls?)" {
		t.Error(got)
	}
	if got := nearest.Meant("raw.calls", nil) + nearest.Meant("x", have); got != "" {
		t.Error(got)
	}
}
