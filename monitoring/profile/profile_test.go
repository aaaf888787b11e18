package profile_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/profile"
	"aiforge.dev/forge/monitoring/stat"
)

func rows(n int, seed uint64, f func(*rand.Rand) map[string]any) []monitoring.Observation {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]monitoring.Observation, n)
	for i := range out {
		out[i] = monitoring.Observation{Features: f(r), Score: r.Float64()}
	}
	return out
}

func plain(shift float64, nulls float64, cat string) func(*rand.Rand) map[string]any {
	return func(r *rand.Rand) map[string]any {
		m := map[string]any{"x": r.NormFloat64() + shift, "k": int64(r.IntN(5)), "c": []string{"a", "b", "c"}[r.IntN(3)]}
		if r.Float64() < nulls {
			m["x"] = nil
		}
		if cat != "" && r.Float64() < 0.3 {
			m["c"] = cat
		}
		return m
	}
}

var kinds = map[string]bool{"x": true, "k": true, "c": false}

func compare(t *testing.T, ref, cur []monitoring.Observation) map[string]monitoring.Drift {
	t.Helper()
	b := profile.NewBuilder(kinds)
	b.Add(ref)
	w := profile.NewWindow(b.Reference())
	w.Add(cur)
	out := map[string]monitoring.Drift{}
	for _, d := range w.Compare(0.2, 0.01) {
		out[d.Column] = d
	}
	return out
}

func TestDriftIsFoundWhereItIs(t *testing.T) {
	ref := rows(5000, 1, plain(0, 0, ""))
	cases := []struct {
		name string
		cur  []monitoring.Observation
		want []string
	}{
		{"none", rows(1000, 2, plain(0, 0, "")), nil},
		{"mean", rows(1000, 3, plain(1, 0, "")), []string{"x"}},
		{"missing", rows(1000, 4, plain(0, 0.4, "")), []string{"x"}},
		{"new category", rows(1000, 5, plain(0, 0, "z")), []string{"c"}},
		{"too small to tell", rows(5, 6, plain(0, 0, "")), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for name, d := range compare(t, ref, c.cur) {
				if d.Drifted {
					got = append(got, name)
				}
				if len(d.Reference.Labels) != len(d.Reference.Shares) || len(d.Current.Shares) != len(d.Reference.Shares) {
					t.Errorf("%s: histogram of uneven length", name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("drifted: %v, want %v", got, c.want)
			}
		})
	}
}

// The binned statistics must agree with the exact ones, computed here from the rows.
func TestBinnedStatisticsAgreeWithExact(t *testing.T) {
	ref, cur := rows(4000, 1, plain(0, 0, "")), rows(1500, 2, plain(0.3, 0, "q"))
	got := compare(t, ref, cur)
	x, y := column(ref, "x"), column(cur, "x")
	if exact := stat.KS(x, y); math.Abs(exact-got["x"].Stats["ks"]) > 0.005 {
		t.Errorf("ks %.4f, exact %.4f", got["x"].Stats["ks"], exact)
	}
	sd := 1.0
	if exact := stat.Wasserstein(x, y) / sd; math.Abs(exact-got["x"].Stats["wasserstein"]) > 0.03 {
		t.Errorf("wasserstein %.4f, exact %.4f", got["x"].Stats["wasserstein"], exact)
	}
	k, l := column(ref, "k"), column(cur, "k")
	if exact := stat.KS(k, l); math.Abs(exact-got["k"].Stats["ks"]) > 1e-12 {
		t.Errorf("ks of few values must be exact: %.6f, %.6f", got["k"].Stats["ks"], exact)
	}
	a, b := tally(ref), tally(cur)
	chi2, p := stat.ChiSquare(a, b)
	if d := got["c"]; math.Abs(d.Stats["chi2"]-chi2) > 1e-9 || math.Abs(d.Stats["chi2_p"]-p) > 1e-12 {
		t.Errorf("chi2 %v, want %v", d.Stats["chi2"], chi2)
	}
}

// tally counts categories a, b, c, all others and missing ones in the order of the
// reference's frequency.
func tally(rows []monitoring.Observation) []int64 {
	counts := map[string]int64{}
	for _, r := range rows {
		counts[r.Features["c"].(string)]++
	}
	ref := map[string]int64{}
	for _, r := range refRows {
		ref[r.Features["c"].(string)]++
	}
	names := []string{"a", "b", "c"}
	slices.SortFunc(names, func(a, b string) int { return int(ref[b] - ref[a]) })
	return []int64{counts[names[0]], counts[names[1]], counts[names[2]], counts["q"], 0}
}

var refRows = rows(4000, 1, plain(0, 0, ""))

func column(rows []monitoring.Observation, name string) []float64 {
	var out []float64
	for _, r := range rows {
		if x, ok := profile.Number(r.Features[name]); ok {
			out = append(out, x)
		}
	}
	return out
}

func TestEmptyAndConstantColumns(t *testing.T) {
	ref := rows(100, 1, func(*rand.Rand) map[string]any { return map[string]any{"x": 1.0, "c": "a"} })
	for name, d := range compare(t, ref, ref) {
		if d.Drifted || math.IsNaN(d.Effect) || math.IsInf(d.Effect, 0) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	compare(t, ref, nil)
	compare(t, nil, ref)
}

func BenchmarkWindow(b *testing.B) {
	ref := rows(5000, 1, plain(0, 0, ""))
	build := profile.NewBuilder(kinds)
	build.Add(ref)
	w := profile.NewWindow(build.Reference())
	b.ReportAllocs()
	for b.Loop() {
		w.Add(ref[:1000])
	}
}
