package longrun

import (
	"fmt"
	"math"
	"slices"
)

// Figure is what is looked at, and how much of it is noise: Allowance in its own unit,
// such as a few connections more or a garbage collection later.
type Figure struct {
	Name, Unit string
	Allowance  float64
}

// Verdict is what a run says about one figure.
type Verdict struct {
	Figure    string  `json:"figure"`
	Unit      string  `json:"unit,omitempty"`
	First     float64 `json:"first_quarter"`  // medians
	Second    float64 `json:"second_quarter"` //
	Last      float64 `json:"last_quarter"`
	MaxSecond float64 `json:"max_second_quarter"`
	MaxLast   float64 `json:"max_last_quarter"`
	Slope     float64 `json:"slope_percent_per_hour"` // of the second half, of its mean
	Level     bool    `json:"level"`
	Why       string  `json:"why,omitempty"`
}

// growth is how much larger the last quarter may be than the second.
const growth = 1.10

// steep is the slope over the second half, in per cent of its mean per hour, above which
// a figure grows; it is judged of runs of an hour or more, for over minutes noise is steep.
const steep = 10.0

// Rule says the same for people.
const Rule = "levels out: median and highest value of the last quarter are at most 1.10 times those of the second quarter plus the allowance; of a run of an hour or more the slope over the second half is also below 10 % of the mean per hour, or the whole growth within the allowance"

// Judge looks at the samples of one figure, taken at equal distances over hours.
func Judge(f Figure, samples []float64, hours float64) Verdict {
	n := len(samples)
	v := Verdict{Figure: f.Name, Unit: f.Unit}
	if n < 8 {
		v.Why = "too few samples"
		return v
	}
	quarter := func(i int) []float64 { return samples[n*i/4 : n*(i+1)/4] }
	v.First, v.Second, v.Last = median(quarter(0)), median(quarter(1)), median(quarter(3))
	v.MaxSecond, v.MaxLast = slices.Max(quarter(1)), slices.Max(quarter(3))
	half := samples[n/2:]
	perHour, mean := slope(half, hours/2), average(half)
	if mean != 0 {
		v.Slope = 100 * perHour / mean
	}
	grown := perHour * hours / 2
	switch {
	case v.Last > v.Second*growth+f.Allowance:
		v.Why = fmt.Sprintf("the median grew from %.4g to %.4g", v.Second, v.Last)
	case v.MaxLast > v.MaxSecond*growth+f.Allowance:
		v.Why = fmt.Sprintf("the highest value grew from %.4g to %.4g", v.MaxSecond, v.MaxLast)
	case hours >= 1 && v.Slope > steep && grown > f.Allowance:
		v.Why = fmt.Sprintf("it grows by %.1f %% an hour", v.Slope)
	default:
		v.Level = true
	}
	return v
}

func median(s []float64) float64 {
	s = slices.Clone(s)
	slices.Sort(s)
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}

func average(s []float64) (sum float64) {
	for _, v := range s {
		sum += v
	}
	return sum / float64(len(s))
}

// slope is that of the straight line that fits best (least squares), per hour.
func slope(s []float64, hours float64) float64 {
	n := float64(len(s))
	var x, y, xx, xy float64
	for i, v := range s {
		at := float64(i) / (n - 1) * hours
		x, y, xx, xy = x+at, y+v, xx+at*at, xy+at*v
	}
	d := n*xx - x*x
	if d == 0 || math.IsNaN(d) {
		return 0
	}
	return (n*xy - x*y) / d
}
