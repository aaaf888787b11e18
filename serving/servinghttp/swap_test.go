package servinghttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/depend"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/onnx"
	"aiforge.dev/forge/serving/predict"
	"aiforge.dev/forge/serving/servinghttp"
	"aiforge.dev/forge/serving/servingtest"
)

// versions are real packages; the alias is on version n.
type versions struct {
	dir string
	n   atomic.Int64
}

func (v *versions) Resolve(context.Context, forge.Scope, string) (serving.Package, error) {
	n := int(v.n.Load())
	return serving.Package{Model: "calls", Version: n, Digest: fmt.Sprint(n), Dir: filepath.Join(v.dir, fmt.Sprint(n))}, nil
}

func shift(version int) float32 { return float32(version) / 128 }

// While an alias moves among real models under load, no request fails, and each
// answer is wholly that of the version it names.
func TestNoRequestFailsWhileTheAliasMoves(t *testing.T) {
	lib, err := depend.ONNXRuntime("")
	if err != nil {
		t.Fatal(err)
	}
	rt, err := onnx.Open(lib)
	if err != nil {
		t.Fatal(err)
	}
	v := &versions{dir: t.TempDir()}
	for n := 1; n <= 3; n++ {
		servingtest.Binary(t, filepath.Join(v.dir, fmt.Sprint(n)), shift(n))
	}
	v.n.Store(1)
	r := servingtest.NewRouter(t, v, rt)
	if _, err := r.Deploy(t.Context(), servingtest.Scope, "calls", "calls@champion"); err != nil {
		t.Fatal(err)
	}
	c := servingtest.Serve(t, func(s *httpapi.Server) {
		servinghttp.Register(s, r, predict.New(predict.Config{Deployments: r}), nil)
	})
	stop := make(chan struct{})
	var seen [4]atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					seen[checked(t, c)].Add(1)
				}
			}
		})
	}
	for i := range 30 {
		v.n.Store(int64(i%3) + 1)
		r.Refresh(t.Context())
		before := seen[i%3+1].Load()
		for seen[i%3+1].Load() == before && !t.Failed() { // until the version has answered over HTTP
			seen[checked(t, c)].Add(1)
		}
	}
	close(stop)
	wg.Wait()
}

// checked asks once and returns the version that answered.
func checked(t *testing.T, c servingtest.Client) int {
	status, text, _ := c.Do("POST", "/v1/predict/calls", `{"rows": [{"age": 50}, {"age": 1, "job": "student"}]}`)
	var a struct {
		Version     int
		Predictions []struct{ Score float64 }
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil || status != 200 || len(a.Predictions) != 2 {
		t.Errorf("%d %s", status, text)
		return 0
	}
	for i, x := range []struct{ age, job any }{{50.0, nil}, {1.0, "student"}} {
		if want := serving.Score(servingtest.BinaryScore(x.age, x.job, shift(a.Version))); a.Predictions[i].Score != want {
			t.Errorf("version %d answered %v, want %v", a.Version, a.Predictions[i].Score, want)
		}
	}
	return a.Version
}
