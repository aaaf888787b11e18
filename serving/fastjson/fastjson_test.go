package fastjson_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving/fastjson"
)

// skips reports whether the reader takes the whole document.
func skips(doc string) error {
	var r fastjson.Reader
	r.Reset([]byte(doc))
	if err := r.Skip(); err != nil {
		return err
	}
	return r.End()
}

// The reader takes what encoding/json takes, but for text that is not UTF-8 and
// numbers beyond float64, which it refuses.
func FuzzGrammar(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,null,true,"x\u00e9\ud83d\ude00"]}`, `01`, `1.`, `.5`, `-`, `+1`, `1e`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `nul`, `truex`, `"\x"`, `"\ud800"`, `""`, ` [ ] `, `[[[]]]`, `{"":{}}`, `NaN`, `1 2`, "\"\x01\"", "\"\xff\"", "\x00", "1\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		err := skips(doc)
		valid := json.Valid([]byte(doc))
		if err == nil && !valid {
			t.Errorf("takes %q", doc)
		}
		if err != nil && forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("%q: kind %s", doc, forge.KindOf(err))
		}
		if err != nil && valid && !stricter(err) {
			t.Errorf("refuses %q: %v", doc, err)
		}
	})
}

func stricter(err error) bool {
	for _, s := range []string{"UTF-8", "too large", "surrogate", "nested"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-0", "1", "0.1", "123456789012345678901234567890", "1e-400", "9007199254740993", "1e22", "1e23", "3.4028235e38", "0.30000000000000004", "5e-324", "0.00000000000000000000000000000001", "1e999", "18446744073709551616"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var r fastjson.Reader
		r.Reset([]byte(s))
		x, err := r.Number()
		if err == nil {
			err = r.End()
		}
		if err != nil {
			return
		}
		want, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || math.Float64bits(want) != math.Float64bits(x) {
			t.Errorf("%q is %v, want %v (%v)", s, x, want, err)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, s := range []string{`"plain"`, `"\"\\\/\b\f\n\r\t"`, `"é\u00e9\ud83d\ude00"`, `"a\u0000b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var r fastjson.Reader
		r.Reset([]byte(s))
		got, err := r.String()
		if err != nil || r.End() != nil {
			return
		}
		var want string
		if err := json.Unmarshal([]byte(s), &want); err != nil || want != string(got) {
			t.Errorf("%q is %q, want %q (%v)", s, got, want, err)
		}
		var back string
		if err := json.Unmarshal(fastjson.AppendString(nil, want), &back); err != nil || back != want {
			t.Errorf("written and read again: %q, want %q (%v)", back, want, err)
		}
	})
}

func TestInt(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "-7": -7, "9223372036854775807": math.MaxInt64, "3.0": 3, "1e3": 1000} {
		var r fastjson.Reader
		r.Reset([]byte(s))
		if got, err := r.Int(); err != nil || got != want {
			t.Errorf("%s: %d %v", s, got, err)
		}
	}
	for _, s := range []string{"1.5", "9223372036854775808", "1e999", `"1"`, "NaN", ""} {
		var r fastjson.Reader
		r.Reset([]byte(s))
		if got, err := r.Int(); err == nil {
			t.Errorf("%s: read %d", s, got)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for doc, want := range map[string]string{
		`[1, NaN]`:       `byte 5 of the JSON: want a number, found "NaN": JSON has no such number; send null for a missing value`,
		`[-Infinity]`:    `"-Infinity": JSON has no such number`,
		`[1e999]`:        `1e999 is too large`,
		`{"a": }`:        `byte 7 of the JSON: want a number, found "}"`,
		`{"a": 1`:        `want a comma or }, but the JSON ends here`,
		`{'a': 1}`:       `want a key in double quotes`,
		`[1] x`:          `byte 5 of the JSON: more follows`,
		"\"a":            `no closing quote`,
		"[\"\xff\xfe\"]": `not UTF-8`,
	} {
		err := skips(doc)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
}

func TestAppendFloat(t *testing.T) {
	for x, want := range map[float32]string{0.93: "0.93", 0: "0", 1e-7: "1e-07", 16777216: "16777216", -2.5: "-2.5"} {
		if got := string(fastjson.AppendFloat32(nil, x)); got != want {
			t.Errorf("%v is written %s", x, got)
		}
	}
	if got := string(fastjson.AppendFloat32(nil, float32(math.NaN()))); got != "null" {
		t.Errorf("NaN is written %s", got)
	}
}

func BenchmarkNumbers(b *testing.B) {
	doc := []byte("[" + strings.Repeat("0.1234567,", 63) + "1]")
	var r fastjson.Reader
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(doc)
		if err := r.Array(func(int) error { _, err := r.Number(); return err }); err != nil {
			b.Fatal(err)
		}
	}
}
