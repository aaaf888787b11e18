package lake

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"aiforge.dev/forge"
)

// ViewSchema is where users' SQL finds feature views: features.call_profile. It is the
// one namespace that tables cannot have.
const ViewSchema = "features"

// CheckNewTable refuses the name of a table that is to be made but cannot be.
func CheckNewTable(name forge.TableName) error {
	if name.Namespace == ViewSchema {
		return forge.Errorf(forge.KindInvalid, nil, "table %s: the namespace %s holds the feature views: choose another, for example raw.%s", name, ViewSchema, name.Name)
	}
	return nil
}

// Views knows the SELECTs behind feature views.
type Views interface {
	// ViewSQL returns the SELECT over the project's tables whose rows are those of a
	// view, named as in SQL: "call_profile", or "call_profile@2" for an older version.
	// KindNotFound where there is none.
	ViewSQL(ctx context.Context, scope forge.Scope, name string) (string, error)
}

var viewWord = regexp.MustCompile(`(?i)\b` + ViewSchema + `\b"?\s*\.\s*"?([a-z][a-z0-9_]*(?:@[0-9]+)?)`)

// ViewsIn returns the SELECTs of the feature views that a user's SQL may name, for
// Query.Views. Finding too many is harmless: only those that are read are looked at.
func ViewsIn(ctx context.Context, scope forge.Scope, views Views, sql string) (map[string]string, error) {
	found := map[string]string{}
	for _, m := range viewWord.FindAllStringSubmatch(sql, -1) {
		name := strings.ToLower(m[1])
		if _, done := found[name]; done {
			continue
		}
		def, err := views.ViewSQL(ctx, scope, name)
		if errors.Is(err, forge.ErrNotFound) {
			continue // a column of an alias, or a view that the engine will name as missing
		}
		if err != nil {
			return nil, err
		}
		found[name] = def
	}
	return found, nil
}
