package serving_test

import (
	"math"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
)

func TestValueOf(t *testing.T) {
	num, text := serving.Input{Name: "x", Type: serving.Float}, serving.Input{Name: "s", Type: serving.String}
	for _, c := range []struct {
		in   serving.Input
		v    any
		want serving.Value
	}{
		{num, int64(7), serving.Value{Num: 7}}, {num, 0.1, serving.Value{Num: 0.1}}, {num, true, serving.Value{Num: 1}}, {num, false, serving.Value{}},
		{text, "a", serving.Value{Str: "a"}}, {text, "", serving.Value{Missing: true}},
	} {
		if got, err := serving.ValueOf(c.in, c.v); err != nil || got != c.want {
			t.Errorf("%v for %s: %+v %v", c.v, c.in.Type, got, err)
		}
	}
	for _, v := range []any{nil, math.NaN(), math.Inf(1), 1e39} {
		if got, err := serving.ValueOf(num, v); err != nil || !got.Missing || !math.IsNaN(float64(got.Num)) {
			t.Errorf("%v: %+v %v, want a missing value", v, got, err)
		}
	}
	for _, c := range []struct {
		in serving.Input
		v  any
	}{{num, "7"}, {num, time.Now()}, {text, int64(7)}, {text, true}} {
		if got, err := serving.ValueOf(c.in, c.v); forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("%v for %s: %+v %v, want invalid", c.v, c.in.Type, got, err)
		}
	}
}

// A score is the float64 of the shortest text and narrows back to the same float32.
func FuzzScore(f *testing.F) {
	for _, x := range []float32{0, 0.93, 1e-7, 3.4e38, -1, 16777217, 1.17549435e-38, 1e-45} {
		f.Add(math.Float32bits(x))
	}
	f.Fuzz(func(t *testing.T, bits uint32) {
		x := math.Float32frombits(bits)
		if x-x != 0 {
			return
		}
		if back := float32(serving.Score(x)); back != x {
			t.Errorf("%v became %v", x, back)
		}
	})
}

func TestScoreReadsWell(t *testing.T) {
	if got := serving.Score(0.93); got != 0.93 {
		t.Errorf("got %v", got)
	}
}

func TestSlice(t *testing.T) {
	inputs := []serving.Input{{Name: "x", Type: serving.Float}, {Name: "s", Type: serving.String}}
	b := serving.NewBatch(inputs, 4)
	b.Set(0, 2, serving.Value{Num: 5})
	b.Set(1, 2, serving.Value{Str: "five"})
	s := b.Slice(2, 4)
	if s.N != 2 || s.Columns[0].Floats[0] != 5 || s.Columns[1].Strings[0] != "five" || !math.IsNaN(float64(s.Columns[0].Floats[1])) || s.Columns[1].Strings[1] != "" {
		t.Errorf("%+v", s)
	}
	b.Reset(inputs)
	b.AddRow(inputs)
	if b.N != 1 || !math.IsNaN(float64(b.Columns[0].Floats[0])) || b.Columns[1].Strings[0] != "" {
		t.Errorf("after Reset: %+v", b)
	}
}

func TestScoreOf(t *testing.T) {
	out := serving.Output{Scores: []float32{0.2, 0.8, 0.9, 0.1}, K: 2}
	binary := serving.Signature{Task: "binary", Classes: []string{"yes", "no"}, Positive: "yes"}
	if got := binary.ScoreOf(out, 1); got != 0.9 {
		t.Errorf("binary: %v", got)
	}
	if got := (serving.Signature{Task: "multiclass", Classes: []string{"a", "b"}}).ScoreOf(out, 0); got != 0.8 {
		t.Errorf("multiclass: %v", got)
	}
	if got := (serving.Signature{Task: "regression"}).ScoreOf(serving.Output{Scores: []float32{1, 7}, K: 1}, 1); got != 7 {
		t.Errorf("regression: %v", got)
	}
}
