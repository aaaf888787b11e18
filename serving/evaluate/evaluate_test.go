package evaluate_test

import (
	"context"
	"io"
	"math"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving/evaluate"
	"aiforge.dev/forge/serving/servingtest"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// rows serves records made of JSON lines.
type rows struct{ left []arrow.RecordBatch }

func (r *rows) Next(context.Context) (arrow.RecordBatch, error) {
	if len(r.left) == 0 {
		return nil, io.EOF
	}
	rec := r.left[0]
	r.left = r.left[1:]
	return rec, nil
}

func table(t *testing.T, label arrow.DataType, parts ...string) *rows {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "age", Type: arrow.PrimitiveTypes.Float64, Nullable: true}, {Name: "job", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "y", Type: label, Nullable: true},
	}, nil)
	out := &rows{}
	for _, p := range parts {
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		out.left = append(out.left, rec)
	}
	return out
}

func TestEvaluate(t *testing.T) {
	p := &servingtest.Fake{} // 0.75 above 40, 0.375 for students, else 0.125
	m, err := evaluate.Evaluate(t.Context(), p, table(t, arrow.BinaryTypes.String,
		`[{"age": 50, "job": "student", "y": "yes"}, {"age": 20, "job": "student", "y": "no"}]`,
		`[{"age": 20, "y": "no"}, {"age": 60, "y": null}, {"age": 30, "job": "retired", "y": "yes"}]`), "y")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"rows": 4, "accuracy": 0.75, "roc_auc": 0.875, "precision": 1, "recall": 0.5, "f1": 2. / 3,
		"brier": (0.0625 + 0.140625 + 0.015625 + 0.390625) / 4, "log_loss": -(math.Log(.75) + math.Log(.625) + math.Log(.875) + math.Log(.375)) / 4,
	}
	for name, x := range want {
		if math.Abs(m[name]-x) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, m[name], x)
		}
	}
}

func TestOneClass(t *testing.T) {
	m, err := evaluate.Evaluate(t.Context(), &servingtest.Fake{}, table(t, arrow.BinaryTypes.String, `[{"age": 50, "y": "no"}]`), "y")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m["roc_auc"]; ok || m["accuracy"] != 0 || m["rows"] != 1 {
		t.Errorf("%v", m)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		rows  *rows
		label string
		want  string
	}{
		"no rows":           {table(t, arrow.BinaryTypes.String), "y", "nothing to measure"},
		"no labels":         {table(t, arrow.BinaryTypes.String, `[{"age": 1, "y": null}]`), "y", "nothing to measure"},
		"no such column":    {table(t, arrow.BinaryTypes.String, `[{"age": 1}]`), "z", `named "z"`},
		"unknown class":     {table(t, arrow.BinaryTypes.String, `[{"age": 1, "y": "maybe"}]`), "y", `the class "maybe"`},
		"lacks a column":    {&rows{[]arrow.RecordBatch{array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "y", Type: arrow.Null}}, nil), []arrow.Array{array.NewNull(1)}, 1)}}, "y", "lack columns"},
		"number, not class": {table(t, arrow.PrimitiveTypes.Int64, `[{"age": 1, "y": 7}]`), "y", `the class "7"`},
	} {
		_, err := evaluate.Evaluate(t.Context(), &servingtest.Fake{}, c.rows, c.label)
		if forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
