package servingtest

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
)

// TestPredictor holds the promises of serving.Predictor. open loads the package in
// dir.
func TestPredictor(t *testing.T, open func(t testing.TB, dir string) serving.Predictor) {
	t.Run("binary", func(t *testing.T) {
		p := open(t, Binary(t, t.TempDir(), 0))
		defer p.Close()
		ages, jobs := []any{41.0, 30.0, nil, 40.0, math.Inf(1)}, []any{"admin.", "student", "retired", nil, "other"}
		in := AgeJob(ages, jobs)
		out := predict(t, p, in)
		for i := range ages {
			want := BinaryScore(ages[i], jobs[i], 0)
			label := "no"
			if want > 0.5 {
				label = "yes"
			}
			if out.Labels[i] != label || out.Scores[2*i+1] != want || out.Scores[2*i] != 1-want {
				t.Errorf("row %d: %s %v, want %s %v", i, out.Labels[i], out.Scores[2*i:2*i+2], label, want)
			}
		}
	})
	t.Run("multiclass", func(t *testing.T) {
		p := open(t, Multiclass(t, t.TempDir()))
		defer p.Close()
		out := predict(t, p, AgeJob([]any{41.0, 20.0}, []any{nil, nil}))
		if out.K != 3 || strings.Join(out.Labels, "") != "ca" || out.Scores[2] != 0.625 || out.Scores[3] != 0.5 {
			t.Errorf("got %+v", out)
		}
	})
	t.Run("regression", func(t *testing.T) {
		p := open(t, Regression(t, t.TempDir()))
		defer p.Close()
		out := predict(t, p, AgeJob([]any{41.0, 20.0}, []any{nil, nil}))
		if out.K != 1 || len(out.Labels) != 0 || out.Scores[0] != 20.5 || out.Scores[1] != 10 {
			t.Errorf("got %+v", out)
		}
	})
	t.Run("signature", func(t *testing.T) {
		p := open(t, Binary(t, t.TempDir(), 0))
		defer p.Close()
		s := p.Signature()
		if s.Task != "binary" || s.Positive != "yes" || len(s.Inputs) != 2 || s.Inputs[0] != (serving.Input{Name: "age", Type: "float", View: "profile", Version: 1, Feature: "age"}) || s.Inputs[1].Type != "string" {
			t.Errorf("signature %+v", s)
		}
	})
	t.Run("any number of rows, same answers", func(t *testing.T) { sizes(t, open) })
	t.Run("output memory is reused and belongs to the caller", func(t *testing.T) { reuse(t, open) })
	t.Run("wrong batches are refused", func(t *testing.T) { wrong(t, open) })
	t.Run("concurrent use, and Close waits", func(t *testing.T) { concurrent(t, open) })
	t.Run("cancelled", func(t *testing.T) {
		p := open(t, Binary(t, t.TempDir(), 0))
		defer p.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var out serving.Output
		if err := p.Predict(ctx, serving.NewBatch(p.Signature().Inputs, 1), &out); err == nil {
			t.Error("a cancelled call succeeded")
		}
	})
}

// AgeJob is a batch for the models of this package; nil is a missing value.
func AgeJob(ages, jobs []any) serving.Batch {
	inputs := []serving.Input{{Name: "age", Type: serving.Float}, {Name: "job", Type: serving.String}}
	b := serving.NewBatch(inputs, len(ages))
	for i := range ages {
		if a, ok := ages[i].(float64); ok {
			b.Columns[0].Floats[i] = float32(a)
		}
		if j, ok := jobs[i].(string); ok {
			b.Columns[1].Strings[i] = j
		}
	}
	return b
}

func predict(t testing.TB, p serving.Predictor, in serving.Batch) serving.Output {
	t.Helper()
	var out serving.Output
	if err := p.Predict(t.Context(), in, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func ages(n int) serving.Batch {
	a, j := make([]any, n), make([]any, n)
	for i := range a {
		a[i], j[i] = float64(i%80), Jobs[i%3]
	}
	return AgeJob(a, j)
}

func sizes(t *testing.T, open func(testing.TB, string) serving.Predictor) {
	p := open(t, Binary(t, t.TempDir(), 0))
	defer p.Close()
	for _, n := range []int{0, 1, 2, 100, 5000} {
		in := ages(n)
		all := predict(t, p, in)
		if len(all.Labels) != n || len(all.Scores) != 2*n {
			t.Fatalf("%d rows: %d labels, %d scores", n, len(all.Labels), len(all.Scores))
		}
		for _, i := range []int{0, n / 2, n - 1} {
			if i < 0 || i >= n {
				continue
			}
			one := predict(t, p, in.Slice(i, i+1))
			if one.Labels[0] != all.Labels[i] || one.Scores[1] != all.Scores[2*i+1] {
				t.Errorf("%d rows: row %d alone is %v, among the others %v", n, i, one.Scores, all.Scores[2*i:2*i+2])
			}
		}
	}
}

func reuse(t *testing.T, open func(testing.TB, string) serving.Predictor) {
	p := open(t, Binary(t, t.TempDir(), 0))
	defer p.Close()
	first := predict(t, p, AgeJob([]any{41.0}, []any{"admin."}))
	again := first
	if err := p.Predict(t.Context(), AgeJob([]any{20.0}, []any{"admin."}), &again); err != nil {
		t.Fatal(err)
	}
	if &again.Scores[0] != &first.Scores[0] {
		t.Error("the output's memory was not reused")
	}
	other := predict(t, p, AgeJob([]any{41.0}, []any{"admin."}))
	if again.Labels[0] != "no" || other.Labels[0] != "yes" {
		t.Errorf("labels %v and %v: one call changed another's output", again.Labels, other.Labels)
	}
}

func wrong(t *testing.T, open func(testing.TB, string) serving.Predictor) {
	p := open(t, Binary(t, t.TempDir(), 0))
	defer p.Close()
	short := ages(3)
	short.Columns[0].Floats = short.Columns[0].Floats[:2]
	few := ages(3)
	few.Columns = few.Columns[:1]
	swapped := ages(3)
	swapped.Columns[0], swapped.Columns[1] = swapped.Columns[1], swapped.Columns[0]
	for name, in := range map[string]serving.Batch{"short": short, "few": few, "swapped": swapped} {
		var out serving.Output
		if err := p.Predict(t.Context(), in, &out); forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func concurrent(t *testing.T, open func(testing.TB, string) serving.Predictor) {
	p := open(t, Binary(t, t.TempDir(), 0))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var out serving.Output
			for i := range 50 {
				age := float64((g*31 + i*7) % 80)
				err := p.Predict(t.Context(), AgeJob([]any{age}, []any{"student"}), &out)
				if err != nil && forge.KindOf(err) != forge.KindUnavailable {
					t.Error(err)
				}
				if err == nil && out.Scores[1] != BinaryScore(age, "student", 0) {
					t.Errorf("age %v: %v", age, out.Scores)
				}
				if g == 0 && i == 40 {
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	var out serving.Output
	if err := p.Predict(t.Context(), ages(1), &out); forge.KindOf(err) != forge.KindUnavailable {
		t.Errorf("after Close: %v, want unavailable", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}
