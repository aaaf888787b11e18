//go:build servers

package serverstest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// forge is a running server and its command line.
type forge struct {
	t      *testing.T
	binary string
	data   string
	env    []string
	server *exec.Cmd
	log    *bytes.Buffer
	ended  chan error
}

// variable reads what make test-servers sets.
func variable(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run make test-servers", name)
	}
	return v
}

// addresses are the settings of a forge that has each server to itself: a schema, a
// prefix of the bucket. Kafka and Redis were started for this run.
func addresses(t *testing.T) []string {
	t.Helper()
	var b [6]byte
	_, _ = rand.Read(b[:])
	own := "loop_" + hex.EncodeToString(b[:])
	s3, err := url.Parse(variable(t, "FORGE_TEST_S3"))
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := s3.User.Password()
	return []string{
		"FORGE_LOG=kafka://" + variable(t, "FORGE_TEST_KAFKA"),
		"FORGE_METADATA=" + schema(t, variable(t, "FORGE_TEST_POSTGRES"), own),
		"FORGE_ONLINE=redis://" + variable(t, "FORGE_TEST_REDIS"),
		"FORGE_WAREHOUSE=s3://lake/" + own,
		"FORGE_S3_ENDPOINT=" + s3.Scheme + "://" + s3.Host,
		"FORGE_S3_ACCESS_KEY=" + s3.User.Username(), "FORGE_S3_SECRET_KEY=" + secret,
		"FORGE_LISTEN=127.0.0.1:0",
	}
}

// schema makes a PostgreSQL schema and returns the address that leads to it.
func schema(t *testing.T, addr, name string) string {
	t.Helper()
	db, err := sql.Open("pgx", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = db.Exec("DROP SCHEMA " + name + " CASCADE")
		_ = db.Close()
	})
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// start starts a server and waits until it is ready.
func start(t *testing.T, data string, env []string) *forge {
	t.Helper()
	f := &forge{t: t, binary: variable(t, "FORGE_TEST_BINARY"), data: data, env: env, log: &bytes.Buffer{}, ended: make(chan error, 1)}
	f.server = f.command(context.Background(), "serve")
	f.server.Stdout, f.server.Stderr = f.log, f.log
	if err := f.server.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { f.ended <- f.server.Wait() }()
	t.Cleanup(f.stop)
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-f.ended:
			f.ended <- err
			t.Fatalf("the server ended: %v\n%s", err, f.log)
		case <-deadline:
			t.Fatal("the server is not ready after two minutes")
		case <-tick.C:
			if _, err := os.Stat(filepath.Join(data, "server.json")); err == nil {
				return f
			}
		}
	}
}

// stop ends the server as an operator would; it must end in good order.
func (f *forge) stop() {
	if f.server == nil {
		return
	}
	_ = f.server.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-f.ended:
		if err != nil {
			f.t.Errorf("the server ended with %v", err)
		}
	case <-time.After(time.Minute):
		_ = f.server.Process.Kill()
		f.t.Error("the server did not end")
	}
	f.server = nil
	if f.t.Failed() {
		f.t.Logf("the server's log:\n%s", f.log)
	}
}

func (f *forge) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, f.binary, args...)
	cmd.Dir = filepath.Join("..", "..") // where make setup has put ONNX Runtime and Python
	cmd.Env = append(os.Environ(), append(f.env, "FORGE_DATA="+f.data)...)
	return cmd
}

// run runs a command that must succeed and returns what it prints.
func (f *forge) run(args ...string) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := f.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		f.t.Fatalf("forge %s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

// json runs a command with --json into v.
func (f *forge) json(v any, args ...string) {
	f.t.Helper()
	out := f.run(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		f.t.Fatalf("forge %s prints %q: %v", strings.Join(args, " "), out, err)
	}
}

// cell is the one value of a query.
func (f *forge) cell(query string) any {
	f.t.Helper()
	var res struct{ Rows [][]any }
	f.json(&res, "sql", query)
	if len(res.Rows) != 1 || len(res.Rows[0]) != 1 {
		f.t.Fatalf("%s gives %v, want one value", query, res.Rows)
	}
	return res.Rows[0][0]
}

func (f *forge) number(query string) float64 {
	f.t.Helper()
	n, ok := f.cell(query).(float64)
	if !ok {
		f.t.Fatalf("%s gives no number", query)
	}
	return n
}

func (f *forge) text(query string) string {
	f.t.Helper()
	s, ok := f.cell(query).(string)
	if !ok {
		f.t.Fatalf("%s gives no text", query)
	}
	return s
}

// predict asks for one patient by entity and returns the score.
func (f *forge) predict(patient string) float64 {
	f.t.Helper()
	var out struct {
		Predictions []struct{ Score *float64 }
	}
	f.json(&out, "predict", "glucose", "-e", "patient_id="+patient)
	if len(out.Predictions) != 1 || out.Predictions[0].Score == nil || *out.Predictions[0].Score < 0 || *out.Predictions[0].Score > 1 {
		f.t.Fatalf("prediction %+v", out)
	}
	return *out.Predictions[0].Score
}
