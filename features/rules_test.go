package features_test

import (
	"errors"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/features"
)

func TestParseTTL(t *testing.T) {
	const day = 24 * time.Hour
	good := map[string]time.Duration{"": 0, "0": 0, "0s": 0, "0d": 0, "30d": 30 * day, "12h": 12 * time.Hour, "1d12h": 36 * time.Hour, "720h": 720 * time.Hour, "1.5h": 90 * time.Minute}
	for in, want := range good {
		if got, err := features.ParseTTL(in); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"30", "d", "-1d", "-3h", "1w", "1month", "40000d", "1d-1h", "99999999999h", "1d 2h", "0x1d"} {
		if got, err := features.ParseTTL(in); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%q gave %v, %v", in, got, err)
		}
	}
}

func TestParseViewRef(t *testing.T) {
	for _, in := range []string{"call_profile", "call_profile@3"} {
		ref, err := features.ParseViewRef(in)
		if err != nil || ref.String() != in {
			t.Errorf("%q became %q, %v", in, ref, err)
		}
	}
	for _, in := range []string{"", "@1", "a@", "a@0", "a@-1", "a@x", "A", "a@1@2", "a b"} {
		if ref, err := features.ParseViewRef(in); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%q gave %v, %v", in, ref, err)
		}
	}
}

func TestHashSeesEveryPart(t *testing.T) {
	view, entity := features.View{Name: "v", Entity: "e", SQL: "SELECT 1", EventTime: "at"}, features.Entity{Name: "e", Keys: []string{"k"}}
	was := features.HashOf(view, entity)
	if features.HashOf(view, entity) != was {
		t.Error("the same definition has two hashes")
	}
	ttl := view
	ttl.TTL = "1d"
	keys := entity
	keys.Keys = []string{"k", "l"}
	if features.HashOf(ttl, entity) == was || features.HashOf(view, keys) == was {
		t.Error("a change of the definition or its entity keeps the hash")
	}
}

// FuzzParseTTL: what is taken is a span from 0 to 100 years, and the same when it is
// written as a duration.
func FuzzParseTTL(f *testing.F) {
	for _, s := range []string{"", "30d", "1d12h", "720h", "1.5h", "-1d", "99999999999h", "36600d1us", "1d0.0000001s", "0x1d", "1d+1h", "d", "１d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ttl, err := features.ParseTTL(s)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) || ttl != 0 {
				t.Errorf("%q: %v, %v", s, ttl, err)
			}
			return
		}
		if ttl < 0 || ttl > 100*366*24*time.Hour || ttl%time.Microsecond != 0 {
			t.Errorf("%q is %v", s, ttl)
		}
		if again, err := features.ParseTTL(ttl.String()); err != nil || again != ttl {
			t.Errorf("%q is %v, and that %v, %v", s, ttl, again, err)
		}
	})
}

// FuzzParseViewRef: what is taken reads back as itself.
func FuzzParseViewRef(f *testing.F) {
	for _, s := range []string{"call_profile", "call_profile@3", "a@0", "a@00", "a@01", "a@+1", "a@2147483648", "@1", "a@1@2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := features.ParseViewRef(s)
		if err != nil {
			if !errors.Is(err, forge.ErrInvalid) || ref != (features.ViewRef{}) {
				t.Errorf("%q: %v, %v", s, ref, err)
			}
			return
		}
		if again, err := features.ParseViewRef(ref.String()); err != nil || again != ref || ref.Version < 0 {
			t.Errorf("%q is %v, and that %v, %v", s, ref, again, err)
		}
	})
}
