// Package trainingtest holds the promises of package training as tests: what every
// launcher and every registry must keep.
package trainingtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/training"
)

// TestLauncher runs the contract against launchers that carry out a shell script
// instead of the trainer; the script gets the job directory as $1 and may rely on
// nothing but POSIX. A cancelled launcher must wait at most two seconds before it
// kills.
func TestLauncher(t *testing.T, open func(t testing.TB, script string) training.Launcher) {
	for name, test := range map[string]func(*testing.T, func(testing.TB, string) training.Launcher){
		"events come in order and while it runs": launchLive,
		"refused job":                            launchRefused,
		"crash":                                  launchCrash,
		"preempted":                              launchPreempted,
		"garbage":                                launchGarbage,
		"cancel":                                 launchCancel,
		"cancel of one that will not stop":       launchStubborn,
		"again in the same folder":               launchAgain,
		"no secrets":                             launchSecrets,
		"no job":                                 launchNoJob,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// launched is one run of a script.
type launched struct {
	dir    string
	events []string
	err    error
}

func launch(t *testing.T, ctx context.Context, l training.Launcher, dir string, seen func(event string)) launched {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	put(t, dir, "job.json", `{"format": 1}`)
	out := launched{dir: dir}
	out.err = l.Launch(ctx, dir, func(e json.RawMessage) {
		out.events = append(out.events, string(e))
		if seen != nil {
			seen(string(e))
		}
	})
	return out
}

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func launchLive(t *testing.T, open func(testing.TB, string) training.Launcher) {
	// The script goes on only once its first event has been handed out.
	l := open(t, `
echo '{"type":"progress","n":1}' >> "$1/events.jsonl"
while [ ! -e "$1/go" ]; do sleep 0.02; done
echo '{"type":"progress","n":2}' >> "$1/events.jsonl"
mkdir "$1/package"
echo '{"type":"result"}' >> "$1/events.jsonl"`)
	dir := t.TempDir()
	got := launch(t, t.Context(), l, dir, func(e string) {
		if strings.Contains(e, `"n":1`) {
			put(t, dir, "go", "")
		}
	})
	if want := []string{`{"type":"progress","n":1}`, `{"type":"progress","n":2}`, `{"type":"result"}`}; got.err != nil || !slices.Equal(got.events, want) {
		t.Errorf("events %q, error %v; want %q", got.events, got.err, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "package")); err != nil {
		t.Errorf("package: %v", err)
	}
}

func launchRefused(t *testing.T, open func(testing.TB, string) training.Launcher) {
	l := open(t, `
echo '{"type":"result","error":{"kind":"invalid","text":"target \"y\" is not there"}}' >> "$1/events.jsonl"
exit 64`)
	got := launch(t, t.Context(), l, "", nil)
	if !errors.Is(got.err, forge.ErrInvalid) || got.err.Error() != `target "y" is not there` {
		t.Errorf("error %v; want the text of the last event", got.err)
	}
}

func launchCrash(t *testing.T, open func(testing.TB, string) training.Launcher) {
	l := open(t, `echo first; echo 'Boom: line 7' >&2; exit 3`)
	got := launch(t, t.Context(), l, "", nil)
	if got.err == nil || forge.KindOf(got.err) != forge.KindInternal || !strings.Contains(got.err.Error(), "Boom: line 7") {
		t.Errorf("error %v; want one with the last lines of stderr", got.err)
	}
	got = launch(t, t.Context(), open(t, `kill -9 $$`), "", nil)
	if !errors.Is(got.err, forge.ErrUnavailable) {
		t.Errorf("killed: %v; want unavailable", got.err)
	}
}

func launchPreempted(t *testing.T, open func(testing.TB, string) training.Launcher) {
	got := launch(t, t.Context(), open(t, `exit 75`), "", nil)
	if !errors.Is(got.err, forge.ErrUnavailable) {
		t.Errorf("exit 75: %v; want unavailable, so that it may be tried again", got.err)
	}
}

func launchGarbage(t *testing.T, open func(testing.TB, string) training.Launcher) {
	l := open(t, `
printf 'no JSON\n[1]\n{"no":"type"}\n\n{"type":"log","text":"\303\244"}\n{"type":"resu' >> "$1/events.jsonl"`)
	got := launch(t, t.Context(), l, "", nil)
	got.events = slices.DeleteFunc(got.events, func(e string) bool { return strings.Contains(e, `"warning"`) })
	if want := []string{`{"type":"log","text":"ä"}`}; got.err != nil || !slices.Equal(got.events, want) {
		t.Errorf("events %q, error %v; want %q", got.events, got.err, want)
	}
}

func launchCancel(t *testing.T, open func(testing.TB, string) training.Launcher) {
	l := open(t, `
trap 'echo told > "$1/told"; exit 75' TERM
echo '{"type":"progress"}' >> "$1/events.jsonl"
while :; do sleep 0.02; done`)
	ctx, cancel := context.WithCancel(t.Context())
	got := launch(t, ctx, l, "", func(string) { cancel() })
	if !errors.Is(got.err, context.Canceled) {
		t.Errorf("error %v; want that of the context", got.err)
	}
	if _, err := os.Stat(filepath.Join(got.dir, "told")); err != nil {
		t.Errorf("the trainer was not asked to stop: %v", err)
	}
}

func launchStubborn(t *testing.T, open func(testing.TB, string) training.Launcher) {
	l := open(t, `
trap '' TERM
sh -c 'trap "" TERM; echo $$ > "$1/child"; while :; do sleep 0.05; done' child "$1" &
while [ ! -s "$1/child" ]; do sleep 0.02; done
echo '{"type":"progress"}' >> "$1/events.jsonl"
while :; do sleep 0.05; done`)
	ctx, cancel := context.WithCancel(t.Context())
	begin := time.Now()
	got := launch(t, ctx, l, "", func(string) { cancel() })
	if !errors.Is(got.err, context.Canceled) {
		t.Errorf("error %v; want that of the context", got.err)
	}
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("took %s to end", d)
	}
	b, err := os.ReadFile(filepath.Join(got.dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	if pid := strings.TrimSpace(string(b)); alive(pid) {
		t.Errorf("its child %s still runs", pid)
	}
}

// alive reports whether a process runs; one that is only waiting to be reaped does not.
func alive(pid string) bool {
	for range 100 { // the kernel may need a moment
		b, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", pid))
		if err != nil {
			return false
		}
		if _, after, ok := strings.Cut(string(b), ") "); ok && strings.HasPrefix(after, "Z") {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

func launchAgain(t *testing.T, open func(testing.TB, string) training.Launcher) {
	dir := t.TempDir()
	put(t, dir, "events.jsonl", `{"type":"old"}`+"\n")
	if err := os.Mkdir(filepath.Join(dir, "package"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "package"), "half", "x")
	got := launch(t, t.Context(), open(t, `echo '{"type":"new"}' >> "$1/events.jsonl"`), dir, nil)
	if got.err != nil || !slices.Equal(got.events, []string{`{"type":"new"}`}) {
		t.Errorf("events %q, error %v; want the new one alone", got.events, got.err)
	}
	if _, err := os.Stat(filepath.Join(dir, "package")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half package of the attempt before is still there: %v", err)
	}
}

func launchSecrets(t *testing.T, open func(testing.TB, string) training.Launcher) {
	t.Setenv("FORGE_TOKEN", "very-secret")
	got := launch(t, t.Context(), open(t, `env > "$1/env"; pwd >> "$1/env"`), "", nil)
	b, err := os.ReadFile(filepath.Join(got.dir, "env"))
	if err != nil {
		t.Fatal(got.err, err)
	}
	if env := string(b); strings.Contains(env, "very-secret") || !strings.Contains(env, "OMP_NUM_THREADS=") {
		t.Errorf("environment of the trainer:\n%s", env)
	}
}

func launchNoJob(t *testing.T, open func(testing.TB, string) training.Launcher) {
	dir := t.TempDir()
	if err := open(t, `touch "$1/ran"`).Launch(t.Context(), dir, func(json.RawMessage) {}); err == nil {
		t.Error("launched without a job.json")
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("the trainer was started")
	}
}
