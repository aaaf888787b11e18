package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/training"
)

// process is a forge of its own process, which a test may kill.
type process struct {
	*forged
	cmd   *exec.Cmd
	ended chan error
}

// launch starts the whole binary on a data folder and waits until it is ready.
func launch(t *testing.T, data string) *process {
	t.Helper()
	exe, err := self()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p := &process{cmd: exec.Command(exe, "--data", data, "serve", "--listen", "127.0.0.1:0", "--log-level", "warn"), ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asBinary+"=1")
	p.cmd.Stderr = &log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.forged = &forged{data: data}
	eventually(t, "the server is ready", time.Minute, func() bool {
		select {
		case err := <-p.ended:
			t.Fatalf("the server ended: %v\n%s", err, log.Bytes())
		default:
		}
		f, err := cli.ReadServerFile(data)
		return err == nil && f.PID == p.cmd.Process.Pid && ready(context.Background(), f.Addr)
	})
	return p
}

// end sends a signal and waits for the end.
func (p *process) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if sig == syscall.SIGTERM && err != nil {
			t.Errorf("stopped by SIGTERM it ends with %v", err)
		}
	case <-time.After(40 * time.Second):
		t.Fatal("the server has not ended after 40 s")
	}
}

func (f *forged) job(t *testing.T, id string) (j jobs.Job) {
	t.Helper()
	for _, j := range f.jobs(t) {
		if j.ID == id {
			return j
		}
	}
	t.Fatalf("job %s is not there", id)
	return j
}

func (f *forged) jobs(t *testing.T) []jobs.Job {
	t.Helper()
	var out struct{ Jobs []jobs.Job }
	f.must(t, &out, "jobs", "list", "--limit", "100")
	return out.Jobs
}

// TestWorkOutlivesTheServer: a server is stopped, and then killed in the middle of an
// ingest and of a training; what was in work finishes by itself, once, and what had
// been answered is still in the log.
func TestWorkOutlivesTheServer(t *testing.T) {
	data := t.TempDir()
	p := launch(t, data)
	p.smallSet(t, "small", 300, noisy)
	train := []string{"train", "small", "--training-set", "small", "--budget", "1s", "--families", "logistic_regression", "--drop", "id"}
	p.must(t, nil, train...)
	p.must(t, nil, "deploy", "small/1")
	for i := range 30 {
		p.must(t, nil, "predict", "small", "-r", fmt.Sprintf(`{"x": %d}`, i%7))
	}
	p.end(t, syscall.SIGTERM)

	p = launch(t, data)
	if n := p.number(t, "select count(distinct prediction_id) from monitoring.predictions"); n != 30 {
		t.Errorf("%d predictions of 30 are in the log after a stop", n)
	}
	const rows = 400_000
	file := write(t, "big.csv", orders(rows))
	started := make(chan output, 2)
	go func() { started <- p.forge("ingest", file, "--table", "raw.big") }()
	go func() {
		started <- p.forge("train", "small", "--training-set", "small", "--budget", "4s", "--drop", "id")
	}()
	var ingest, training string
	eventually(t, "an ingest and a training are in work", 2*time.Minute, func() bool {
		for _, j := range p.jobs(t) {
			switch {
			case j.Kind == "ingest.csv" && strings.Contains(j.Title, "big.csv"):
				if ingest = j.ID; j.State.Done() {
					t.Fatalf("the ingest of %d rows is done before the kill: the file is too small for this machine", rows)
				}
				if j.State != jobs.Running || j.Progress.Done == 0 {
					return false
				}
			case j.Kind == "train" && !j.State.Done() && j.State == jobs.Running:
				training = j.ID
			}
		}
		return ingest != "" && training != ""
	})
	p.end(t, syscall.SIGKILL)
	for range 2 {
		<-started // the commands that waited have lost their server
	}
	spoil(t, data)

	p = launch(t, data)
	for _, id := range []string{ingest, training} {
		eventually(t, "the work goes on by itself", 2*time.Minute, func() bool { return p.job(t, id).State.Done() })
		if j := p.job(t, id); j.State != jobs.Succeeded || j.Attempt < 2 {
			t.Errorf("%s: %s at attempt %d: %s", j.Title, j.State, j.Attempt, j.Error)
		}
	}
	p.everythingOnce(t, rows)
	p.spoilt(t)
	p.end(t, syscall.SIGTERM)
}

func (p *process) everythingOnce(t *testing.T, rows int64) {
	t.Helper()
	if n := p.number(t, "select count(*) from raw.big"); n != rows {
		t.Errorf("%d rows of %d", n, rows)
	}
	if n := p.number(t, "select count(distinct id) from raw.big"); n != rows {
		t.Errorf("%d different rows of %d", n, rows)
	}
	var m training.Model
	p.must(t, &m, "models", "small")
	if len(m.Versions) != 2 || m.Versions[0].Status != "ready" || m.Versions[1].Status != "ready" {
		t.Errorf("the versions are %+v", m.Versions)
	}
	if n := p.number(t, "select count(*) from monitoring.predictions"); n != 30 {
		t.Errorf("%d predictions of 30 are in the log after a kill", n)
	}
}

// spoil changes one byte in the graph of the version that is deployed.
func spoil(t *testing.T, data string) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(filepath.Join(data, "models"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "model.onnx" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found++
		b[len(b)/2] ^= 0x55
		return os.WriteFile(path, b, 0o600)
	})
	if err != nil || found != 1 {
		t.Fatal(found, err)
	}
}

// spoilt: the changed package does not answer, says why, and the rest goes on.
func (p *process) spoilt(t *testing.T) {
	t.Helper()
	o := p.forge("predict", "small", "-r", `{"x": 3}`)
	if o.code == cli.ExitOK {
		t.Errorf("a package that was changed on disk answers: %s", o.out)
	}
	var all struct{ Deployments []serving.Deployment }
	p.must(t, &all, "deployments")
	if len(all.Deployments) != 1 || all.Deployments[0].State == "ready" || !strings.Contains(all.Deployments[0].Error+o.errs, "model.onnx") {
		b, _ := json.Marshal(all)
		t.Errorf("nothing says what is wrong: %s; predict says %s", b, o.errs)
	}
	p.must(t, nil, "deploy", "small/2")
	p.must(t, nil, "predict", "small", "-r", `{"x": 3}`)
}
