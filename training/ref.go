package training

import (
	"strconv"
	"strings"

	"aiforge.dev/forge"
)

// ModelRef is a parsed reference to a version: Alias or Version is set, or neither.
type ModelRef struct {
	Model   string
	Alias   string
	Version int
}

// ParseRef reads "calls@champion", "calls/3" or "calls", each also with "models:/"
// before it, as MLflow writes them.
func ParseRef(s string) (ModelRef, error) {
	text := strings.TrimPrefix(s, "models:/")
	var r ModelRef
	name, alias, at := strings.Cut(text, "@")
	if at {
		r.Alias = alias
	} else if model, n, slash := strings.Cut(text, "/"); slash {
		number, err := strconv.Atoi(n)
		if err != nil || number < 1 {
			return r, badRef(s, err)
		}
		name, r.Version = model, number
	}
	r.Model = name
	if forge.Ident("model", name) != nil || at && forge.Ident("alias", alias) != nil {
		return r, badRef(s, nil)
	}
	return r, nil
}

func badRef(s string, err error) error {
	return forge.Errorf(forge.KindInvalid, err, "model reference %q: want MODEL@ALIAS, MODEL/VERSION or MODEL, for example calls@champion", s)
}
