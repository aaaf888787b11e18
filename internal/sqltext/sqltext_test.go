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

func TestIsSpace(t *testing.T) {
	for _, r := range " \t\n\r\f\v\u00a0\u2009\u200b\u202f\u205f\u2060\u3000\ufeff" {
		if !sqltext.IsSpace(r) {
			t.Errorf("%U is a space for DuckDB", r)
		}
	}
	for _, r := range "a_0$.\"é€\u200d" {
		if sqltext.IsSpace(r) {
			t.Errorf("%U is no space", r)
		}
	}
}
