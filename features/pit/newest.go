package pit

import (
	"fmt"
	"strings"
	"time"

	"aiforge.dev/forge/features"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

// Newest is the SELECT of the row of each entity that counts at now, for the online
// store. Its columns are by position: the keys as text, the event time in
// microseconds since 1970 UTC, then the features as BOOLEAN, BIGINT, DOUBLE or
// VARCHAR (see Online).
func Newest(v features.Version, now time.Time) string {
	cols := make([]string, 0, len(v.Entity.Keys)+len(v.Features)+1)
	for i, k := range v.Entity.Keys {
		cols = append(cols, fmt.Sprintf("CAST(%s AS VARCHAR) AS k%d", sqltext.Ident(k), i))
	}
	cols = append(cols, "_forge_ev AS event")
	for i, f := range v.Features {
		cols = append(cols, fmt.Sprintf("CAST(%s AS %s) AS f%d", sqltext.Ident(f.Name), Online(f.Type), i))
	}
	order := "_forge_ev DESC, _forge_tie DESC"
	if v.View.Created != "" {
		order = "_forge_ev DESC, _forge_cr DESC, _forge_tie DESC"
	}
	return fmt.Sprintf("SELECT %s FROM (%s) WHERE %s AND %s QUALIFY row_number() OVER (%s ORDER BY %s) = 1",
		strings.Join(cols, ", "), numbered(v), counts(v), known(v, now), partition(v), order)
}

// Later is the SELECT of the number of rows that do not count yet at now.
func Later(v features.Version, now time.Time) string {
	return fmt.Sprintf("SELECT count(*) AS later FROM (%s) WHERE %s AND NOT (%s)", numbered(v), counts(v), known(v, now))
}

func known(v features.Version, now time.Time) string {
	cond := fmt.Sprintf("_forge_ev <= %d", now.UnixMicro())
	if v.View.Created != "" {
		cond += fmt.Sprintf(" AND _forge_cr <= %d", now.UnixMicro())
	}
	return cond
}

// Online is the DuckDB type in which the online store keeps a feature of type t.
func Online(t lake.Type) string {
	switch {
	case t == lake.Boolean:
		return "BOOLEAN"
	case whole(t):
		return "BIGINT"
	case t == lake.Float || t == lake.Double || strings.HasPrefix(string(t), "decimal"):
		return "DOUBLE"
	}
	return "VARCHAR"
}
