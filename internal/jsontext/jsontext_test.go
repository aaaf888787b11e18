package jsontext_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"aiforge.dev/forge/internal/jsontext"
)

// What we write must read back as what the standard library would have written.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\x1f\"\\", "\xff\xfe", "日本\u2029", "\xf0\x9f\x98", "a\r\n\tb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got, want string
		if err := json.Unmarshal(jsontext.AppendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		std, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(std, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q came back as %q, want %q", s, got, want)
		}
	})
}

func TestAppendFloat(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.93: "0.93", 1e-5: "0.00001", 1e-7: "1e-07", 16777216: "16777216", 1e21: "1e+21", -2.5: "-2.5"} {
		if got := string(jsontext.AppendFloat(nil, x, 64)); got != want {
			t.Errorf("%v is written %s", x, got)
		}
	}
	narrow := strings.Join([]string{string(jsontext.AppendFloat(nil, float64(float32(0.1)), 32)), string(jsontext.AppendFloat(nil, math.NaN(), 32)), string(jsontext.AppendFloat(nil, math.Inf(-1), 64))}, " ")
	if narrow != "0.1 null null" {
		t.Error(narrow)
	}
}

// FuzzAppendFloat: a finite number reads back as itself, anything else is null.
func FuzzAppendFloat(f *testing.F) {
	for _, x := range []float64{0, math.Copysign(0, -1), 0.1, 1e-7, 1e21, math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), 1 << 53} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, x float64) {
		for bits, want := range map[int]float64{64: x, 32: float64(float32(x))} {
			var got *float64
			text := jsontext.AppendFloat([]byte{}, want, bits)
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%v: %s: %v", want, text, err)
			}
			finite := !math.IsNaN(want) && !math.IsInf(want, 0)
			if finite != (got != nil) || finite && bits == 64 && *got != want || finite && bits == 32 && float32(*got) != float32(want) {
				t.Errorf("%v is written %s in %d bits", want, text, bits)
			}
		}
	})
}
