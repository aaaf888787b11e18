package registry

import (
	"context"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
	"aiforge.dev/forge/features/pit"
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
	return l, err
}

// checkLabels refuses labels that nothing can be learnt from.
func (s *Service) checkLabels(ctx context.Context, scope forge.Scope, l pit.Labels, pinned lake.At) error {
	label := `"` + strings.ReplaceAll(l.Label, `"`, `""`) + `"`
	res, err := s.house.Query(ctx, scope, lake.Query{
		SQL:    "SELECT CAST(count(*) AS BIGINT) AS n, CAST(count(" + label + ") AS BIGINT) AS filled, CAST(count(DISTINCT " + label + ") AS BIGINT) AS classes, CAST(min(" + label + ") AS VARCHAR) AS one FROM (" + l.SQL + "\n) AS _forge_l",
		Limits: lake.Limits{Time: joinTime},
	}, pinned)
	if err != nil {
		return err
	}
	defer res.Close()
	batch, err := res.Next(ctx)
	if err != nil {
		return err
	}
	n, filled, classes, one := cell(batch.Column(0), 0), cell(batch.Column(1), 0), cell(batch.Column(2), 0), cell(batch.Column(3), 0)
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
