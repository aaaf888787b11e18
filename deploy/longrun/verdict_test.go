package longrun_test

import (
	"math"
	"testing"

	"aiforge.dev/forge/deploy/longrun"
)

// samples makes n values of a function of the part of the run that is over.
func samples(n int, f func(x float64) float64) (out []float64) {
	for i := range n {
		out = append(out, f(float64(i)/float64(n)))
	}
	return out
}

// What rises at first and stays, or swings, is level; what goes on rising is not.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		f     func(x float64) float64
		allow float64
		hours float64
		level bool
	}{
		"flat":                       {func(float64) float64 { return 200 }, 0, 2, true},
		"zero":                       {func(float64) float64 { return 0 }, 0, 2, true},
		"warms up":                   {func(x float64) float64 { return 200 * min(1, 4*x+0.2) }, 0, 2, true},
		"saw":                        {func(x float64) float64 { return 200 + 50*math.Mod(x*40, 1) }, 0, 2, true},
		"leaks":                      {func(x float64) float64 { return 200 + 100*x }, 0, 2, false},
		"leaks slowly":               {func(x float64) float64 { return 200 + 60*x }, 0, 2, false},
		"leaks in a short run":       {func(x float64) float64 { return 100 + 100*x }, 0, 0.2, false},
		"peaks grow":                 {func(x float64) float64 { return 100 + 200*x*math.Floor(math.Mod(x*40, 1)+0.2) }, 0, 2, false},
		"a few more than none":       {func(x float64) float64 { return 3 * x }, 8, 2, true},
		"falls":                      {func(x float64) float64 { return 300 - 100*x }, 0, 2, true},
		"too short to say of slopes": {func(x float64) float64 { return 1000 + 60*x }, 0, 0.2, true},
	} {
		v := longrun.Judge(longrun.Figure{Name: name, Allowance: c.allow}, samples(200, c.f), c.hours)
		if v.Level != c.level {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := longrun.Judge(longrun.Figure{}, []float64{1, 1}, 2); v.Level {
		t.Error("two samples are no verdict")
	}
}
