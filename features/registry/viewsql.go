package registry

import (
	"context"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/sqltext"
)

// ViewSQL returns the SELECT whose rows are those of a view, named "view" or "view@2":
// keys, times and features out of the tables as they are now. It implements lake.Views.
func (s *Service) ViewSQL(ctx context.Context, scope forge.Scope, name string) (string, error) {
	ref, err := features.ParseViewRef(name)
	if err != nil {
		return "", forge.Errorf(forge.KindNotFound, err, "%q names no view", name)
	}
	v, err := s.store.Version(ctx, scope, ref)
	if err != nil {
		return "", err
	}
	columns := make([]string, len(v.Schema.Columns))
	for i, c := range v.Schema.Columns {
		columns[i] = sqltext.Ident(c.Name)
	}
	// The line break ends a comment at the end of the view's own SQL.
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + v.View.Source() + "\n) AS _forge_view", nil
}
