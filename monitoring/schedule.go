package monitoring

import (
	"strings"
	"time"

	"aiforge.dev/forge"
)

// Schedule says when the server compares by itself: after an interval, or at a time of
// the day, the week or the hour. All times are UTC.
type Schedule struct {
	every time.Duration // an interval; otherwise
	step  time.Duration // an hour, a day or a week, and
	at    time.Duration // how long after its beginning
}

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// leastEvery keeps a policy from doing nothing but comparing.
const leastEvery = time.Minute

// ParseSchedule reads "every 1h", "hourly", "daily", "daily at 06:30", "weekly".
func ParseSchedule(text string) (Schedule, error) {
	words := strings.Fields(strings.ToLower(text))
	bad := forge.Errorf(forge.KindInvalid, nil, `check %q: want "every 1h" (at least 1m), hourly, daily, "daily at 06:30" or weekly, in UTC`, text)
	switch {
	case len(words) == 2 && words[0] == "every":
		d, err := time.ParseDuration(words[1])
		if err != nil || d < leastEvery {
			return Schedule{}, bad
		}
		return Schedule{every: d}, nil
	case len(words) == 1 && words[0] == "hourly":
		return Schedule{step: time.Hour}, nil
	case len(words) == 1 && words[0] == "daily":
		return Schedule{step: day}, nil
	case len(words) == 1 && words[0] == "weekly":
		return Schedule{step: week}, nil
	case len(words) == 3 && words[0] == "daily" && words[1] == "at":
		at, err := time.Parse("15:04", words[2])
		if err != nil {
			return Schedule{}, bad
		}
		return Schedule{step: day, at: time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute}, nil
	}
	return Schedule{}, bad
}

// Next is the first time after now. due is when the last check was due, zero for the
// first: an interval goes on from there, so that it does not creep; what a stopped
// server has missed is made up for by one check.
func (s Schedule) Next(due, now time.Time) time.Time {
	now = now.UTC()
	if s.every > 0 {
		if due.IsZero() {
			return now.Add(s.every)
		}
		missed := max(now.Sub(due)/s.every, 0)
		return due.UTC().Add((missed + 1) * s.every)
	}
	begin := now.Truncate(s.step) // of the UTC hour or day, or of the week: the zero time was a Monday
	for next := begin.Add(s.at); ; next = next.Add(s.step) {
		if next.After(now) {
			return next
		}
	}
}
