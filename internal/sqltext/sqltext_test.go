package sqltext_test

import (
	"testing"

	"aiforge.dev/forge/internal/sqltext"
)

func TestIdent(t *testing.T) {
	for name, want := range map[string]string{
		"":          `""`,
		"call_id":   `"call_id"`,
		`a"; drop `: `"a""; drop "`,
		`""`:        `""""""`,
		"naïve 💶":   `"naïve 💶"`,
	} {
		if got := sqltext.Ident(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for s, want := range map[string]string{
		"":            `''`,
		`it's`:        `'it''s'`,
		`\' OR 1=1`:   `'\'' OR 1=1'`,
		"a\x00'b":     `'a''b'`,
		`"quoted" $1`: `'"quoted" $1'`,
	} {
		if got := sqltext.Text(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}
