package filter_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/training/mlflowstore/filter"
)

var runs = filter.Dialect{
	Kinds: []string{filter.Metric, filter.Param, filter.Tag, filter.Dataset}, Text: []string{"run_id", "run_name", "status"}, Numbers: []string{"start_time"},
	Alias: map[string]string{"created": "start_time", "run name": "run_name"},
}

func TestParse(t *testing.T) {
	for in, want := range map[string][]filter.Comparison{
		"":                      nil,
		"  ":                    nil,
		"metrics.roc_auc > 0.9": {{Kind: "metric", Key: "roc_auc", Op: ">", Number: 0.9}},
		"metrics.m>=-1e-3":      {{Kind: "metric", Key: "m", Op: ">=", Number: -1e-3}},
		"metric.m = .5":         {{Kind: "metric", Key: "m", Op: "=", Number: 0.5}},
		"params.max_depth = '4' and tags.team LIKE '%risk%'": {{Kind: "param", Key: "max_depth", Op: "=", Text: "4"}, {Kind: "tag", Key: "team", Op: "LIKE", Text: "%risk%"}},
		"tags.`mlflow.parentRunId` = 'x'":                    {{Kind: "tag", Key: "mlflow.parentRunId", Op: "=", Text: "x"}},
		"tags.mlflow.source.type = \"JOB\"":                  {{Kind: "tag", Key: "mlflow.source.type", Op: "=", Text: "JOB"}},
		"params.\"max depth\" != 'it''s'":                    {{Kind: "param", Key: "max depth", Op: "!=", Text: "it's"}},
		"status = 'FINISHED' AND run_id in ('a','b')":        {{Kind: "attribute", Key: "status", Op: "=", Text: "FINISHED"}, {Kind: "attribute", Key: "run_id", Op: "IN", List: []string{"a", "b"}}},
		"attributes.run_id NOT IN ('a')":                     {{Kind: "attribute", Key: "run_id", Op: "NOT IN", List: []string{"a"}}},
		"attr.created < 12":                                  {{Kind: "attribute", Key: "start_time", Op: "<", Number: 12}},
		"run name ilike 'A_'":                                {{Kind: "attribute", Key: "run_name", Op: "ILIKE", Text: "A_"}},
		"tags.a IS NULL and tags.b is not null":              {{Kind: "tag", Key: "a", Op: "IS NULL"}, {Kind: "tag", Key: "b", Op: "IS NOT NULL"}},
		"metrics.`val/loss` <> 1":                            {{Kind: "metric", Key: "val/loss", Op: "!=", Number: 1}},
		"datasets.name = 'd'":                                {{Kind: "dataset", Key: "name", Op: "=", Text: "d"}},
		"tags.and = 'and' and params.like LIKE 'like'":       {{Kind: "tag", Key: "and", Op: "=", Text: "and"}, {Kind: "param", Key: "like", Op: "LIKE", Text: "like"}},
		"params.ключ = 'знач'":                               {{Kind: "param", Key: "ключ", Op: "=", Text: "знач"}},
		"tags.1 = '2'":                                       {{Kind: "tag", Key: "1", Op: "=", Text: "2"}},
	} {
		got, err := runs.Parse(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, in := range []string{
		"metrics.m", "metrics.m >", "metrics.m > 'a'", "metrics.m LIKE 'a'", "params.a > 'b'", "params.a = 4", "params.a = b", "status = FINISHED", "unknown = 'a'", "bogus.a = 'b'",
		"metrics.m > 1 or metrics.m < 2", "metrics.m > 1 metrics.n > 2", "and", "'a' = 'b'", "params. = 'a'", "params.'a' = 'b'", "run_id IN ()", "run_id IN ('a'", "run_id IN 'a'", "run_id IN ('a',)",
		"tags.a = 'b", "metrics.m > NaN", "metrics.m > 1e999", "tags.a = 'b' and", "tags.a IS", "tags.a NOT 'b'", "metrics.m IS NULL", "datasets.other = 'a'", "(metrics.m > 1)", "metrics.m > 1; DROP TABLE x", "tags.a = `b`", "\x00",
		"tags.a = 'b' " + strings.Repeat("and tags.a = 'b' ", 200), strings.Repeat("a", filter.MaxLength+1), "start_time = '1'",
	} {
		if got, err := runs.Parse(in); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%.60q: %+v, %v; want it refused", in, got, err)
		}
	}
}

func TestOrder(t *testing.T) {
	got, err := runs.ParseOrder([]string{"metrics.m DESC", "attributes.start_time", "params.`a b` asc", "run_name desc"})
	want := []filter.Order{{"metric", "m", true}, {"attribute", "start_time", false}, {"param", "a b", false}, {"attribute", "run_name", true}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, s := range []string{"", "metrics.m DOWN", "nothing", "metrics.m desc asc", "metrics.m = 1", "datasets.name"} {
		if _, err := runs.ParseOrder([]string{s}); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%q: %v; want it refused", s, err)
		}
	}
}

func look(values map[string]any) filter.Lookup {
	return func(kind, key string) any { return values[kind+"."+key] }
}

func TestMatch(t *testing.T) {
	l := look(map[string]any{"metric.m": 0.5, "param.a": "Risk", "attribute.run_id": "r1"})
	for in, want := range map[string]bool{
		"metrics.m > 0.4": true, "metrics.m > 0.5": false, "metrics.m >= 0.5": true, "metrics.m != 0.5": false, "metrics.other != 1": false,
		"params.a = 'risk'": false, "params.a ILIKE 'risk'": true, "params.a LIKE 'R%k'": true, "params.a LIKE 'R_k'": false, "params.a LIKE '%'": true,
		"params.b IS NULL": true, "params.a IS NULL": false, "params.a IS NOT NULL": true, "run_id IN ('r1', 'r2')": true, "run_id NOT IN ('r1')": false,
		"metrics.m > 0.4 and params.a = 'x'": false,
	} {
		c, err := runs.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := filter.Match(c, l); got != want {
			t.Errorf("%s: %v", in, got)
		}
	}
}

func TestSort(t *testing.T) {
	things := []map[string]any{{"metric.m": 1.0, "attribute.run_id": "a"}, {"attribute.run_id": "b"}, {"metric.m": 3.0, "attribute.run_id": "c"}, {"metric.m": 3.0, "attribute.run_id": "d"}}
	for keys, want := range map[string]string{"metrics.m": "acdb", "metrics.m desc": "cdab", "metrics.m desc,run_id desc": "dcab", "run_id desc": "dcba"} {
		order, err := runs.ParseOrder(strings.Split(keys, ","))
		if err != nil {
			t.Fatal(err)
		}
		all := append([]map[string]any{}, things...)
		filter.Sort(all, order, look)
		got := ""
		for _, x := range all {
			got += x["attribute.run_id"].(string)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
	}
}

// FuzzParse: no input panics or takes long, and what is understood stays the same when
// it is written out and read again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"metrics.m > 0.9 and params.a = 'b'", "run_id IN ('a', 'b')", "tags.`x.y` IS NOT NULL", "a", "'", "tags.a = '''", "metrics.1.5 > 1.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := runs.Parse(s)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		filter.Match(got, look(map[string]any{"metric.m": 1.0}))
		again, err := runs.Parse(written(got))
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%q: %+v, then %+v, %v", s, got, again, err)
		}
	})
}
