package monitoring_test

import (
	"errors"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/monitoring"
)

func TestSchedule(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse("2006-01-02 15:04:05", text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	now := at("2026-11-25 21:40:07") // a Wednesday
	for _, c := range []struct{ text, due, want string }{
		{"every 1h", "", "2026-11-25 22:40:07"},
		{"every 1h", "2026-11-25 21:40:00", "2026-11-25 22:40:00"},
		{"every 90m", "2026-11-25 02:00:00", "2026-11-25 23:00:00"}, // many were missed
		{"every 1h", "2026-11-25 22:30:00", "2026-11-25 23:30:00"},  // the clock was moved back
		{"hourly", "", "2026-11-25 22:00:00"},
		{"daily", "", "2026-11-26 00:00:00"},
		{"Daily at 23:15", "", "2026-11-25 23:15:00"},
		{"daily at 06:30", "", "2026-11-26 06:30:00"},
		{"weekly", "2026-11-23 00:00:00", "2026-11-30 00:00:00"}, // a Monday
	} {
		s, err := monitoring.ParseSchedule(c.text)
		if err != nil {
			t.Fatal(err)
		}
		var due time.Time
		if c.due != "" {
			due = at(c.due)
		}
		if got := s.Next(due, now); !got.Equal(at(c.want)) {
			t.Errorf("%s after %s, due %q: %s, want %s", c.text, now, c.due, got, c.want)
		}
	}
	for _, bad := range []string{"", "never", "every", "every 1", "every 59s", "every -1h", "daily at 25:00", "daily at noon", "weekly on friday", "* * * * *"} {
		if _, err := monitoring.ParseSchedule(bad); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
