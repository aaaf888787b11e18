package features_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"aiforge.dev/forge/features"
)

func sample() features.Row {
	return features.Row{
		Event:  time.Date(2009, 5, 1, 12, 0, 0, 1000, time.UTC),
		Values: []any{nil, true, false, int64(-1), int64(math.MaxInt64), int64(math.MinInt64), 4.857, math.Inf(-1), "", "admin.", "ünï\x00", nil},
	}
}

func TestRowRoundTrip(t *testing.T) {
	for _, r := range []features.Row{sample(), {Event: time.UnixMicro(-1).UTC(), Values: []any{}}} {
		b, err := features.AppendRow(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := features.DecodeRow(b)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%+v became %+v, %v", r, got, err)
		}
		for cut := range b {
			if _, err := features.DecodeRow(b[:cut]); err == nil {
				t.Errorf("a row cut at byte %d of %d is read", cut, len(b))
			}
		}
	}
	if _, err := features.AppendRow(nil, features.Row{Values: []any{int32(1)}}); err == nil {
		t.Error("a value of another type is written")
	}
}

func TestRowsOrderByTime(t *testing.T) {
	var last string
	for _, us := range []int64{math.MinInt64, -5, -1, 0, 1, 1 << 40, math.MaxInt64} {
		b, _ := features.AppendRow(nil, features.Row{Event: time.UnixMicro(us)})
		if age := string(b[:features.RowEventSize]); age <= last {
			t.Errorf("%d does not come after the time before it", us)
		} else {
			last = age
		}
	}
}

func TestKeysDoNotMeet(t *testing.T) {
	seen := map[string]features.Key{}
	for _, k := range []features.Key{{}, {""}, {"", ""}, {"1", "23"}, {"12", "3"}, {"123"}, {"1", "2", "3"}, {"\x011", "2"}} {
		s := features.KeyString(k)
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q are the same", k, other)
		}
		seen[s] = k
	}
}

// FuzzDecodeRow: no bytes make the decoder fail otherwise than by its error, and what
// it reads it would write.
func FuzzDecodeRow(f *testing.F) {
	b, _ := features.AppendRow(nil, sample())
	f.Add(b)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := features.DecodeRow(b)
		if err != nil {
			return
		}
		again, err := features.AppendRow(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := features.DecodeRow(again); err != nil || len(s.Values) != len(r.Values) || !s.Event.Equal(r.Event) {
			t.Errorf("%x: %+v, %v", b, s, err)
		}
	})
}

func row20() features.Row {
	r := features.Row{Event: time.UnixMicro(1)}
	for i := range 20 {
		switch i % 4 {
		case 0:
			r.Values = append(r.Values, "university.degree")
		case 1:
			r.Values = append(r.Values, int64(i*1000))
		default:
			r.Values = append(r.Values, float64(i)/3)
		}
	}
	return r
}

func BenchmarkAppendRow20(b *testing.B) {
	r, buf := row20(), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = features.AppendRow(buf[:0], r)
	}
}

func BenchmarkDecodeRow20(b *testing.B) {
	buf, _ := features.AppendRow(nil, row20())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := features.DecodeRow(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// Writing a row allocates nothing. Reading one makes the row, one text for all its
// strings, and a box for each number, which the type of Row.Values demands.
func TestRowCodeAllocations(t *testing.T) {
	r := row20()
	buf, err := features.AppendRow(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { buf, _ = features.AppendRow(buf[:0], r) }); n > 0 {
		t.Errorf("AppendRow: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = features.DecodeRow(buf) }); n > 2+20 {
		t.Errorf("DecodeRow: %v allocations for 20 values", n)
	}
}
