package admission_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving/admission"
)

func scope(project forge.ProjectID) forge.Scope { return forge.Scope{Tenant: "main", Project: project} }

func status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	return httpapi.ProblemOf(err, "").Status
}

// TestCalls: one project has half, all together the whole, and places come back.
func TestCalls(t *testing.T) {
	g := admission.New(admission.Limits{Calls: 4})
	visits := make([]admission.Visit, 5)
	for i, c := range []struct {
		project forge.ProjectID
		want    int
	}{{"a", 200}, {"a", 200}, {"a", 429}, {"b", 200}, {"b", 200}, {"c", 429}} {
		if err := g.Enter(scope(c.project), &visits[min(i, 4)]); status(err) != c.want {
			t.Errorf("call %d of %s: %v", i, c.project, err)
		}
	}
	visits[0].Leave()
	if err := g.Enter(scope("a"), &visits[0]); err != nil {
		t.Errorf("a place that was given back: %v", err)
	}
	visits[0].Leave()
	visits[1].Leave()
	if err := g.Enter(scope("c"), &visits[0]); err != nil {
		t.Errorf("another project: %v", err)
	}
}

func TestBusySaysWhenToComeAgain(t *testing.T) {
	g := admission.New(admission.Limits{Calls: 1})
	var a, b admission.Visit
	if err := g.Enter(scope("a"), &a); err != nil {
		t.Fatal(err)
	}
	err := g.Enter(scope("a"), &b)
	if h := httpapi.ProblemOf(err, "").GetHeaders(); h.Get("Retry-After") != "1" {
		t.Errorf("%v: %v", err, h)
	}
}

// TestBytes: large bodies share the room; small ones need none; it comes back.
func TestBytes(t *testing.T) {
	g := admission.New(admission.Limits{Calls: 100, Bytes: 1 << 20})
	read := func(v *admission.Visit, size int) (int, error) {
		var b bytes.Buffer
		n, err := b.ReadFrom(v.Body(strings.NewReader(strings.Repeat("x", size))))
		return int(n), err
	}
	var large, second, small admission.Visit
	for _, v := range []*admission.Visit{&large, &second, &small} {
		if err := g.Enter(scope("a"), v); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := read(&large, 1<<20); n != 1<<20 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err := read(&second, 1<<20); status(err) != http.StatusServiceUnavailable || n > 128<<10 {
		t.Errorf("the room is taken, yet %d bytes are: %v", n, err)
	}
	if n, err := read(&small, 60<<10); n != 60<<10 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	large.Leave()
	second.Leave()
	if err := g.Enter(scope("a"), &second); err != nil {
		t.Fatal(err)
	}
	if n, err := read(&second, 1<<20); n != 1<<20 || err != nil {
		t.Errorf("after the first has left: %d %v", n, err)
	}
}

// TestManyAtOnce: nothing is lost of what comes back.
func TestManyAtOnce(t *testing.T) {
	g := admission.New(admission.Limits{Calls: 64, Bytes: 4 << 20})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			var v admission.Visit
			if g.Enter(scope([]forge.ProjectID{"a", "b", "c"}[i%3]), &v) == nil {
				_, _ = io.Copy(io.Discard, v.Body(strings.NewReader(strings.Repeat("x", i<<12))))
				v.Leave()
			}
		})
	}
	wg.Wait()
	all := make([]admission.Visit, 64)
	for i := range all {
		if err := g.Enter(scope([]forge.ProjectID{"a", "b"}[i%2]), &all[i]); err != nil {
			t.Fatalf("place %d of 64: %v", i, err)
		}
	}
}

func BenchmarkEnter(b *testing.B) {
	g := admission.New(admission.Limits{})
	s := scope("demo")
	b.ReportAllocs()
	var v admission.Visit
	for b.Loop() {
		if err := g.Enter(s, &v); err != nil {
			b.Fatal(err)
		}
		v.Leave()
	}
}
