package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/authn"
	catalogstore "aiforge.dev/forge/catalog/store"
	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/examples"
	"github.com/alecthomas/kong"
)

// asBinary makes the test's own binary the whole forge, for tests that kill it.
const asBinary = "FORGE_TEST_MAIN"

// TestMain: the query workers of a server under test are this binary too (package
// sqlworker sees to that before TestMain is reached).
func TestMain(m *testing.M) {
	if dir := os.Getenv(asVictim); dir != "" {
		os.Exit(begin(victim(dir)))
	}
	if os.Getenv(asBinary) != "" {
		endAfterTests()
		main()
		return
	}
	for _, name := range []string{"FORGE_ADDR", "FORGE_TOKEN", "FORGE_DATA", "FORGE_LISTEN", "FORGE_LOG", "FORGE_METADATA", "FORGE_ONLINE"} {
		_ = os.Unsetenv(name) // the tests' own servers, not the developer's
	}
	code := m.Run()
	if sharedUsed.Load() {
		code = max(code, stopShared())
	}
	os.Exit(code)
}

func stopShared() (code int) {
	f, err := opened()
	if err != nil {
		return 1
	}
	if err := f.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "the shared forge did not stop cleanly:", err)
		code = 1
	}
	_ = os.RemoveAll(f.data)
	return code
}

// forged is a running forge, its data folder and its command line.
type forged struct {
	app  *App
	data string
	stop func() error
}

// start opens and runs a forge on data, on embedded defaults and a free port.
func start(data string) (*forged, error) { return startWith(embedded(data)) }

// embedded is what forge serve works with unless told otherwise, on a free port.
func embedded(data string) Config {
	var c Config
	p, err := kong.New(&c)
	if err == nil {
		_, err = p.Parse([]string{"--listen", "127.0.0.1:0", "--memory", fmt.Sprint(1 << 30), "--max-upload", fmt.Sprint(8 << 30)})
	}
	if err != nil {
		panic(err) // the flags of serve are wrong
	}
	c.Data = data
	return c
}

func startWith(cfg Config) (*forged, error) {
	ctx, cancel := context.WithCancel(context.Background())
	app, err := Open(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	f := &forged{app: app, data: cfg.Data, stop: func() error {
		cancel()
		return errors.Join(<-ended, app.Close())
	}}
	until := time.Now().Add(time.Minute)
	for !ready(ctx, app.Base()) {
		select {
		case err := <-ended:
			cancel()
			return nil, errors.Join(err, app.Close())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(until) {
			return nil, errors.Join(errors.New("the server is not ready after a minute"), f.stop())
		}
	}
	return f, nil
}

// fresh is a forge of a test's own.
func fresh(t *testing.T) *forged { return freshWith(t, embedded(t.TempDir())) }

func freshWith(t *testing.T, cfg Config) *forged {
	t.Helper()
	f, err := startWith(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.stop(); err != nil {
			t.Error("stopping:", err)
		}
	})
	return f
}

// output is what a command left.
type output struct {
	out, errs string
	code      int
}

// forge runs one command line of the real parser against this server.
func (f *forged) forge(args ...string) output {
	return command(append([]string{"--data", f.data}, args...)...)
}

func command(args ...string) output {
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	code := run(ctx, args, strings.NewReader(""), &out, &errs)
	return output{out.String(), errs.String(), code}
}

// do runs a command that must succeed and decodes its --json answer.
func (f *forged) do(into any, args ...string) error {
	o := f.forge(append([]string{"--json"}, args...)...)
	if o.code != cli.ExitOK {
		return fmt.Errorf("forge %s: exit %d: %s%s", strings.Join(args, " "), o.code, o.out, o.errs)
	}
	if err := documented(o.out, args); err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(o.out))
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("forge %s: --json is not JSON: %w\n%s", strings.Join(args, " "), err, o.out)
	}
	return nil
}

// must is do for tests.
func (f *forged) must(t *testing.T, into any, args ...string) {
	t.Helper()
	if err := f.do(into, args...); err != nil {
		t.Fatal(err)
	}
}

// refused runs a command that must fail with an exit code and a text that says each
// of the words.
func (f *forged) refused(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	o := f.forge(args...)
	if o.code != code {
		t.Errorf("forge %s: exit %d, want %d: %s%s", strings.Join(args, " "), o.code, code, o.out, o.errs)
		return
	}
	says(t, "forge "+strings.Join(args, " "), o.errs, words...)
}

func says(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s says %q, want %q in it", what, strings.TrimSpace(text), w)
		}
	}
}

// owner is the token of the first owner.
func (f *forged) owner(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.data, "owner.token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// answer is an HTTP answer, read.
type answer struct {
	status int
	kind   string // of its Content-Type
	body   []byte
	err    error
}

// ask sends one request. body is nil, bytes or a text, or else becomes JSON.
func (f *forged) ask(token, method, path string, body any) answer {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	case string:
		r = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return answer{err: err}
		}
		r = bytes.NewReader(j)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, f.app.Base()+path, r)
	if err != nil {
		return answer{err: err}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("Content-Type"), b, err}
}

// get asks as the owner and decodes a successful answer.
func (f *forged) get(t *testing.T, into any, method, path string, body any) {
	t.Helper()
	a := f.ask(f.owner(t), method, path, body)
	if a.err != nil || a.status >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, a.status, a.body, a.err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, a.body)
	}
}

// problem checks a refusal: RFC 9457 with status, kind and words.
func (a answer) problem(t *testing.T, what string, status int, kind forge.Kind, words ...string) {
	t.Helper()
	var p struct {
		Title, Detail, Instance string
		Status                  int
		Kind                    forge.Kind
		Errors                  []forge.FieldError
	}
	if a.err != nil || a.status != status {
		t.Errorf("%s: status %d, want %d: %s %v", what, a.status, status, a.body, a.err)
		return
	}
	if err := json.Unmarshal(a.body, &p); err != nil || a.kind != "application/problem+json" || p.Status != status || p.Title == "" || p.Instance == "" {
		t.Errorf("%s: %s is no problem document: %s (%v)", what, a.kind, a.body, err)
	}
	if p.Kind != kind {
		t.Errorf("%s: kind %q, want %q: %s", what, p.Kind, kind, p.Detail)
	}
	text := p.Detail
	for _, e := range p.Errors {
		text += "\n" + e.Path + ": " + e.Text
	}
	says(t, what, text, words...)
}

// rows runs a SELECT through the command line.
func (f *forged) rows(t *testing.T, sql string) [][]any {
	t.Helper()
	var out struct {
		Rows      [][]any
		Truncated bool
	}
	f.must(t, &out, "sql", "--limit", "1000000", sql)
	if out.Truncated {
		t.Fatalf("%s: more than a million rows", sql)
	}
	return out.Rows
}

// number runs a SELECT of one number.
func (f *forged) number(t *testing.T, sql string) int64 {
	t.Helper()
	r := f.rows(t, sql)
	if len(r) != 1 || len(r[0]) != 1 {
		t.Fatalf("%s: %v", sql, r)
	}
	n, ok := r[0][0].(float64)
	if !ok {
		t.Fatalf("%s: %v is no number", sql, r[0][0])
	}
	return int64(n)
}

// key makes an API key.
func (f *forged) key(t *testing.T, role forge.Role) string {
	t.Helper()
	var out struct{ Token string }
	f.must(t, &out, "token", "create", "--role", string(role), "--name", t.Name())
	return out.Token
}

// neighbour makes a second project of the same tenant and returns a key of its owner.
// No operation makes projects yet, so it goes to the store.
func (f *forged) neighbour(t *testing.T, name forge.ProjectID) string {
	t.Helper()
	ctx := context.Background()
	store, err := catalogstore.New(ctx, f.app.db, nil)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := authn.New(store, f.app.keys, authn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	scope := forge.Scope{Tenant: firstProject.Scope.Tenant, Project: name}
	if _, err := store.CreateProject(ctx, scope, "Neighbour"); err != nil {
		t.Fatal(err)
	}
	admin := forge.Principal{Name: "test", Kind: "person", Role: forge.RoleOwner, Scope: scope}
	m, err := auth.AddMember(forge.WithPrincipal(ctx, admin), catalog.Member{Email: string(name) + "@forge.local", Role: forge.RoleOwner}, "a long enough secret 7")
	if err != nil {
		t.Fatal(err)
	}
	admin.User = m.User
	token, _, err := auth.CreateKey(forge.WithPrincipal(ctx, admin), "neighbour", forge.RoleOwner, nil)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// write writes a file into a folder of the test and returns its path.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// example writes a file of an example.
func example(t *testing.T, name string) string {
	t.Helper()
	return write(t, filepath.Base(name), exampleBytes(name))
}

func exampleBytes(name string) []byte {
	b, err := fs.ReadFile(examples.Files, name)
	if err != nil {
		panic(err) // the test names a file that is not shipped
	}
	return b
}

// eventually waits for something that another goroutine or process brings about.
func eventually(t *testing.T, what string, limit time.Duration, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	until := time.After(limit)
	for !f() {
		select {
		case <-tick.C:
		case <-until:
			t.Fatalf("not after %s: %s", limit, what)
		}
	}
}

// jsonText is a JSON value as it was written: numbers are compared digit by digit.
type jsonText string

// UnmarshalJSON keeps the text.
func (j *jsonText) UnmarshalJSON(b []byte) error {
	*j = jsonText(b)
	return nil
}

// decode reads a successful answer.
func decode(t *testing.T, a answer, into any) {
	t.Helper()
	if a.err != nil || a.status >= 300 {
		t.Fatalf("%d %s %v", a.status, a.body, a.err)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

// same reports whether two texts are the same number, bit for bit.
func same(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y
}
