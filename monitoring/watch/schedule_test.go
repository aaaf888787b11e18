package watch_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/monitoring"
	"aiforge.dev/forge/monitoring/watch"
)

// started counts the checks that were enqueued, by whom.
type started struct {
	jobs.Queue
	mu   sync.Mutex
	by   []string
	fail error
}

func (s *started) Enqueue(ctx context.Context, kind, _, key string, _ any) (jobs.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return jobs.Job{}, s.fail
	}
	who, _ := forge.PrincipalFrom(ctx)
	s.by = append(s.by, who.Name+" "+kind+" "+key)
	return jobs.Job{ID: "job_1"}, nil
}

func TestSchedule(t *testing.T) {
	db, err := sqldb.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"), bytes.Repeat([]byte{1}, 64))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	scheduleSuite(t, db)
}

// scheduleSuite is a day of two servers on one store.
func scheduleSuite(t *testing.T, db *sqldb.DB) {
	now := time.Date(2026, 11, 25, 21, 40, 0, 0, time.UTC)
	queue := &started{}
	servers := make([]*watch.Service, 2)
	for i := range servers {
		servers[i] = openOn(t, db, &world{})
		servers[i].Jobs, servers[i].Now = queue, func() time.Time { return now }
	}
	ann := forge.WithPrincipal(t.Context(), forge.Principal{User: "u1", Name: "Ann", Kind: "person", Role: forge.RoleEditor, Scope: scope})
	put := func(check string) monitoring.Policy {
		t.Helper()
		p, err := servers[0].SetPolicy(ann, scope, monitoring.Policy{Deployment: "m", Check: check})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	// round lets both servers look at the same moment, each several times.
	round := func(want int, what string) {
		t.Helper()
		queue.by = nil
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if _, err := servers[i%2].StartDue(t.Context()); err != nil && queue.fail == nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(queue.by) != want {
			t.Errorf("%s, %s: %d checks, want %d: %v", now.Format(time.TimeOnly), what, len(queue.by), want, queue.by)
		}
	}
	if p := put(""); p.NextCheck != nil {
		t.Errorf("off unless set: %v", p.NextCheck)
	}
	now = now.Add(48 * time.Hour)
	round(0, "no schedule")
	if p := put("every 1h"); p.NextCheck == nil || !p.NextCheck.Equal(now.Add(time.Hour)) {
		t.Errorf("next check %v", p.NextCheck)
	}
	now = now.Add(30 * time.Minute)
	round(0, "half an hour later")
	put("every 1h") // the same again does not begin anew
	now = now.Add(30 * time.Minute)
	round(1, "an hour later")
	if queue.by[0] != "Ann monitor.check m" {
		t.Errorf("started %q", queue.by[0])
	}
	round(0, "at the same moment")
	now = now.Add(5 * time.Hour)
	round(1, "five hours later: one makes up for all")

	now = now.Add(time.Hour)
	queue.fail = errors.New("the store does not answer")
	round(0, "nothing can be enqueued")
	queue.fail = nil
	round(0, "the claim still holds")
	now = now.Add(time.Minute) // as after a server that died in between
	round(1, "the claim has lapsed")

	servers[0] = openOn(t, db, &world{}) // restarted
	servers[0].Jobs, servers[0].Now = queue, func() time.Time { return now }
	now = now.Add(time.Hour)
	round(1, "after a restart")
	put("never")
	now = now.Add(48 * time.Hour)
	round(0, "switched off")
	if p, err := servers[1].Policy(ann, scope, "m"); err != nil || p.NextCheck != nil || p.Check != "" {
		t.Errorf("switched off: %+v %v", p, err)
	}
	if _, err := servers[0].SetPolicy(ann, scope, monitoring.Policy{Deployment: "m", Check: "soon"}); !errors.Is(err, forge.ErrInvalid) {
		t.Errorf("soon: %v", err)
	}
}
