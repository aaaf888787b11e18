package stat_test

import (
	"math"
	"testing"

	"aiforge.dev/forge/monitoring/stat"
)

// The expected values are scipy 1.17.1's and numpy's for the same inputs; 0.67309 and
// 0.06812 are also what Evidently's own tests expect.
func TestKnownValues(t *testing.T) {
	a, b := []int64{16, 18, 16, 14, 12, 12}, []int64{16, 16, 16, 16, 16, 8}
	p, q := stat.Shares(a), stat.Shares(b)
	chi2, pv := stat.ChiSquare(a, b)
	x, y := make([]float64, 60), make([]float64, 45)
	for i := range x {
		x[i] = math.Mod(0.1*float64(i)*float64(i), 7.3)
	}
	for i := range y {
		y[i] = math.Mod(0.13*float64(i)*float64(i), 7.9) + 0.4
	}
	ks := stat.KS(x, y)
	_, tail := stat.ChiSquare([]int64{100, 100}, []int64{10, 190})
	cases := []struct {
		name      string
		got, want float64
	}{
		{"chi2", chi2, 3.1746031746031744}, {"chi2 p", pv, 0.6730876006966301},
		{"hellinger", stat.Hellinger(p, q), 0.06812774370983345}, {"js", stat.JS(p, q), 0.06804819617703867},
		{"psi", stat.PSI(p, q), 0.037218381577290835},
		{"ks", ks, 0.15}, {"ks p", stat.KSPValue(ks, 60, 45), 0.609288847453379},
		{"wasserstein", stat.Wasserstein(x, y), 0.5954444444444346},
		{"proportions", stat.Proportions(30, 200, 45, 180), 0.014466312665070875},
	}
	for _, c := range cases {
		if math.Abs(c.got-c.want) > 1e-9*math.Max(1, math.Abs(c.want)) || math.IsNaN(c.got) {
			t.Errorf("%s = %.16g, want %.16g", c.name, c.got, c.want)
		}
	}
	if got := stat.KSPValue(8, 2, 2); math.Abs(got/5.14441874528483e-56-1) > 1e-9 {
		t.Errorf("p-values must stay exact in the tail: %g", got)
	}
	if tail <= 0 || tail > 1e-30 {
		t.Errorf("chi-square p in the tail is %g", tail)
	}
	bh := stat.BenjaminiHochberg([]float64{0.01, 0.04, 0.03, 0.5, 0.002})
	for i, want := range []float64{0.025, 0.05, 0.05, 0.5, 0.01} {
		if math.Abs(bh[i]-want) > 1e-12 {
			t.Errorf("bh[%d] = %v, want %v", i, bh[i], want)
		}
	}
}

func TestIdenticalAndEmpty(t *testing.T) {
	p := []float64{0.5, 0.5, 0}
	for name, d := range map[string]float64{"psi": stat.PSI(p, p), "js": stat.JS(p, p), "hellinger": stat.Hellinger(p, p), "ks": stat.KSBins(p, p)} {
		if d > 1e-12 {
			t.Errorf("%s of equal distributions is %g", name, d)
		}
	}
	if _, pv := stat.ChiSquare([]int64{5, 5}, []int64{0, 0}); pv != 1 {
		t.Errorf("an empty window is no evidence: p = %g", pv)
	}
	if stat.KSPValue(1, 0, 5) != 1 || stat.Proportions(0, 0, 1, 5) != 1 {
		t.Error("an empty sample is no evidence")
	}
	if d := stat.JS([]float64{1, 0}, []float64{0, 1}); math.Abs(d-math.Sqrt(math.Ln2)) > 1e-12 {
		t.Errorf("js of disjoint distributions is %g", d)
	}
}

func BenchmarkPSI(b *testing.B) {
	p := make([]float64, 256)
	for i := range p {
		p[i] = 1.0 / 256
	}
	b.ReportAllocs()
	for b.Loop() {
		stat.PSI(p, p)
	}
}
