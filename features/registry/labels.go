package registry

import (
	"context"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/sqltext"
	"aiforge.dev/forge/lake"
)

func labelsSQL(spec features.TrainingSetSpec) string {
	if spec.LabelsSQL != "" {
		return spec.LabelsSQL
	}
	return "SELECT * FROM " + spec.Labels.String()
}

// labels is the left side of the join; a user's SQL passes the engine's gate here.
func (s *Service) labels(ctx context.Context, scope forge.Scope, spec features.TrainingSetSpec, pinned lake.At) (pit.Labels, error) {
	l := pit.Labels{SQL: labelsSQL(spec), Time: spec.Time, Label: spec.Label, Keep: spec.Keep}
	tables, err := s.inputs(ctx, scope, l.SQL)
	if err != nil {
		return l, err
	}
	schema := lake.Schema{}
	if spec.LabelsSQL != "" {
		schema, err = s.describe(ctx, scope, l.SQL, pinned)
	} else {
		if len(tables) == 0 {
			return l, forge.Errorf(forge.KindNotFound, nil, "labels: table %s does not exist; forge tables lists what is there", spec.Labels)
		}
		_, schema, err = s.house.Tables.Files(ctx, scope, spec.Labels, pinned[spec.Labels])
	}
	l.Schema = taggedBy(schema, tables)
	if len(spec.Views) == 0 && len(l.Keep) == 0 {
		l.Keep = others(l)
	}
	return l, err
}

// others are the labels' columns beside label and time: without views they are what
// is learnt from.
func others(l pit.Labels) []string {
	var names []string
	for _, c := range l.Schema.Columns {
		if c.Name != l.Label && c.Name != l.Time {
			names = append(names, c.Name)
		}
	}
	return names
}

// checkLabels refuses labels that nothing can be learnt from.
func (s *Service) checkLabels(ctx context.Context, scope forge.Scope, l pit.Labels, pinned lake.At) error {
	label := sqltext.Ident(l.Label)
	row, err := s.row(ctx, scope, "SELECT CAST(count(*) AS BIGINT) AS n, CAST(count("+label+") AS BIGINT) AS filled, CAST(count(DISTINCT "+label+") AS BIGINT) AS classes, CAST(min("+label+") AS VARCHAR) AS one FROM ("+l.SQL+"\n) AS _forge_l", pinned)
	if err != nil {
		return err
	}
	n, filled, classes, one := row[0], row[1], row[2], row[3]
	switch {
	case n == int64(0):
		return forge.Errorf(forge.KindInvalid, nil, "the labels have no rows: nothing to join (check the WHERE of labels_sql, or whether the table is filled)")
	case filled == int64(0):
		return forge.Errorf(forge.KindInvalid, nil, "label %q is NULL in all %d rows: name another column, or fill it first", l.Label, n)
	case classes == int64(1):
		return forge.Errorf(forge.KindInvalid, nil, "label %q has one class only, %v: a model needs at least two (widen labels_sql?)", l.Label, one)
	}
	return nil
}

// row runs a SELECT of one row.
func (s *Service) row(ctx context.Context, scope forge.Scope, sql string, pinned lake.At) ([]any, error) {
	res, err := s.house.Query(ctx, scope, lake.Query{SQL: sql, Setup: pit.Setup, Limits: lake.Limits{Time: joinTime}}, pinned)
	if err != nil {
		return nil, err
	}
	defer res.Close() //nolint:errcheck // the one row has come or an error has
	batch, err := res.Next(ctx)
	if err != nil {
		return nil, err
	}
	row := make([]any, batch.NumCols())
	for i := range row {
		row[i] = cell(batch.Column(i), 0)
	}
	return row, nil
}

// Matched is the event "matched" of a training-set job.
type Matched struct {
	View   string `json:"view"`
	Labels int64  `json:"labels" doc:"Labels that find a row in the view"`
}

// checkMatches refuses a set in which no label finds anything, before it takes the
// place of a good one, and warns of each view that stays empty.
func (s *Service) checkMatches(ctx context.Context, run jobs.Run, plan pit.Plan, versions []features.Version, pinned lake.At) error {
	if len(versions) == 0 {
		return nil
	}
	row, err := s.row(ctx, run.Scope(), plan.Matches, pinned)
	if err != nil {
		return err
	}
	var total int64
	for i, v := range versions {
		n, _ := row[i].(int64)
		total += n
		run.Emit("matched", Matched{v.Ref().String(), n})
		if n == 0 {
			run.Emit("warning", map[string]string{"view": v.Ref().String(), "text": "no label finds a row in view " + v.Ref().String() + ": its features are all NULL"})
		}
	}
	if total == 0 {
		return forge.Errorf(forge.KindInvalid, nil, "no label finds a row in any view, so all features would be NULL: do the keys of labels and views have the same values, and do the views have rows before the labels' times (and within their ttl)?")
	}
	return nil
}
