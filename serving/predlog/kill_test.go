package predlog_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/predlog"
)

// What was observed before a process was killed is handed over by the next one, once,
// whatever the first had reached; a row that it was just writing is none.
func TestNothingIsLostWithTheProcess(t *testing.T) {
	dir, s, gate := t.TempDir(), &sink{}, make(chan struct{})
	defer close(gate)
	killed := open(t, &sink{gate: gate}, dir, nil)
	observe(killed, 0, 30)
	files, err := filepath.Glob(filepath.Join(dir, "acme", "calls", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"prediction_id":"torn`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	next := open(t, s, dir, nil)
	observe(next, 30, 40)
	if err := next.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 40)
}

// A batch whose taking could not be told is handed over again under the same identity,
// by this process and by the next, and never grows.
func TestALostAnswerDoublesNothing(t *testing.T) {
	dir, s, lost := t.TempDir(), &sink{}, true
	loses := func(c *predlog.Config) {
		c.Fault = func(point string) error {
			if point == "taken" && lost {
				return errors.New("the answer is lost")
			}
			return nil
		}
	}
	l := open(t, s, dir, loses)
	for i := range 3 {
		observe(l, i*10, i*10+10)
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	next := open(t, s, dir, loses) // the first was killed
	observe(next, 30, 35)
	if err := next.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost = false
	if err := next.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 35)
	if next.Waiting() != 0 {
		t.Errorf("%d batches wait", next.Waiting())
	}
}

// A full disk costs neither answers nor rows: they wait in memory, of every project,
// and are on disk as soon as there is room.
func TestFullDisk(t *testing.T) {
	dir, s, full := t.TempDir(), &sink{err: errors.New("down")}, true
	other := forge.Scope{Tenant: "acme", Project: "other"}
	l := open(t, s, dir, func(c *predlog.Config) {
		c.Fault = func(point string) error {
			if point == "keep" && full {
				return errors.New("the disk is full")
			}
			return nil
		}
	})
	if err := os.WriteFile(filepath.Join(dir, "acme"), nil, 0o600); err != nil { // nothing can be stored
		t.Fatal(err)
	}
	observe(l, 0, 10)
	l.Observe(other, serving.Observation{ID: "0"})
	for range 2 {
		if err := l.Flush(t.Context()); err == nil {
			t.Error("no error although neither sink nor disk took the rows")
		}
	}
	if err := os.Remove(filepath.Join(dir, "acme")); err != nil {
		t.Fatal(err)
	}
	observe(l, 10, 15)
	full = false
	observe(l, 15, 20)                      // with it the five before are kept
	if n := onDisk(t, dir, scope); n < 10 { // the first ten follow as soon as the log's own flush comes round
		t.Errorf("%d rows of 10 are on disk", n)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := onDisk(t, dir, scope); n != 20 {
		t.Errorf("%d rows of 20 are on disk", n)
	}
	s.fail(nil)
	if err := l.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	want(t, s.ids(t, scope), 20)
	want(t, s.ids(t, other), 1)
}

// onDisk counts the rows that a killed process would leave.
func onDisk(t *testing.T, dir string, scope forge.Scope) (rows int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, string(scope.Tenant), string(scope.Project), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		lines, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rows += bytes.Count(lines, []byte{'\n'})
	}
	return rows
}
