package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aiforge.dev/forge"
)

func TestExitCodes(t *testing.T) {
	for kind, want := range map[forge.Kind]int{
		forge.KindInvalid: 3, forge.KindNotFound: 4, forge.KindDenied: 5, forge.KindUnavailable: 6, forge.KindConflict: 1, forge.KindInternal: 1,
	} {
		err := fmt.Errorf("around: %w", forge.Errorf(kind, nil, "text"))
		if got := ExitCode(err); got != want {
			t.Errorf("%s: exit %d, want %d", kind, got, want)
		}
	}
	if ExitCode(nil) != 0 || ExitCode(context.Canceled) != 1 || ExitCode(fmt.Errorf("no kind")) != 1 {
		t.Error("nil, cancelled or plain errors have the wrong code")
	}
}

func TestErrorsAsTextAndAsJSON(t *testing.T) {
	err := forge.Errorf(forge.KindInvalid, fmt.Errorf("secret cause"), "spec is wrong").With(forge.FieldError{Path: "body.steps[2].column", Text: "is missing"})
	var text, asJSON bytes.Buffer
	PrintError(&text, err, false)
	PrintError(&asJSON, err, true)
	if got := text.String(); got != "forge: spec is wrong\n  steps[2].column: is missing\n" {
		t.Errorf("%q", got)
	}
	var e struct {
		Error, Kind string
		Exit        int
		Errors      []forge.FieldError
	}
	if json.Unmarshal(asJSON.Bytes(), &e) != nil || e.Error != "spec is wrong" || e.Kind != "invalid" || e.Exit != 3 || len(e.Errors) != 1 {
		t.Errorf("%s", asJSON.Bytes())
	}
	if strings.Contains(text.String()+asJSON.String(), "secret") {
		t.Error("the cause is shown")
	}
}

// TestAnswersBecomeErrors: whatever a server or something before it answers, the error
// has a kind and a text.
func TestAnswersBecomeErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   forge.Kind
		text   string
	}{
		{404, `{"detail": "table raw.x does not exist", "kind": "not_found"}`, forge.KindNotFound, "table raw.x does not exist"},
		{400, `{"error": "model x is not known"}`, forge.KindInvalid, "model x is not known"},
		{401, `{"detail": "no token", "kind": "denied"}`, forge.KindDenied, "no token"},
		{502, `<html>Bad gateway</html>`, forge.KindUnavailable, "the server answered 502 Bad Gateway"},
		{503, ``, forge.KindUnavailable, "the server answered 503 Service Unavailable"},
		{500, `{}`, forge.KindInternal, "the server answered 500 Internal Server Error"},
		{429, `{"detail": "slow down"}`, forge.KindUnavailable, "slow down"},
		{409, `{"detail": "changed", "errors": [{"path": "revision", "text": "is 3"}]}`, forge.KindConflict, "changed"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				t.Error("the token is not sent")
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		client, err := Connect(s.URL, "secret", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		err = client.Call(t.Context(), "GET", "/x", nil, nil)
		if forge.KindOf(err) != c.kind || err.Error() != c.text {
			t.Errorf("%d %s: %s %q", c.status, c.body, forge.KindOf(err), err)
		}
		s.Close()
	}
}

func TestServerSentEvents(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, ": hello\n\nid: 1\nevent: trial\ndata: {\"a\":1}\n\nid: 2\nevent: done\ndata: {\ndata: }\n\nid: 3\nevent: late\ndata: {}\n\n")
	}))
	defer s.Close()
	client, err := Connect(s.URL, "x", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = client.events(t.Context(), "/e", func(e event) bool {
		got = append(got, e.ID+" "+e.Type+" "+string(e.Data))
		return e.Type == "done"
	})
	if want := `[1 trial {"a":1} 2 done {}]`; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v %v", got, err)
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 41188: "41,188", -1234567: "-1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d became %s", n, got)
		}
	}
	if got := csvLine([]string{"a", `b"c`, "d,e", "f\ng", ""}); got != "a,\"b\"\"c\",\"d,e\",\"f\ng\"," {
		t.Errorf("%q", got)
	}
	if got := path("api", "tables", "raw.a/b c"); got != "/api/tables/raw.a%2Fb%20c" {
		t.Error(got)
	}
	if !better("roc_auc", 0.9, 0.8) || !better("rmse", 1, 2) || better("log_loss", 2, 1) {
		t.Error("scores are ranked the wrong way round")
	}
}

// TestNoFormulas: a cell that somebody typed into a form does not run in the spreadsheet
// of who exports it.
func TestNoFormulas(t *testing.T) {
	rows := [][]any{
		{"=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"}, {"\n=1", "|x", "%x", "plain", "a=b", "'=1"},
		{"-5", "+49 1", "-1.5e-7", -5.0, nil, ""},
	}
	for exact, want := range map[bool]string{
		false: "'=a,b,c,d,e,f\n'=cmd|' /C calc'!A0,'+1+1,'-2+3,'@SUM(A1),'\t=1,\"'\r=1\"\n\"'\n=1\",|x,%x,plain,a=b,'=1\n-5,'+49 1,-1.5e-7,-5,,\n",
		true:  "=a,b,c,d,e,f\n=cmd|' /C calc'!A0,+1+1,-2+3,@SUM(A1),\t=1,\"\r=1\"\n\"\n=1\",|x,%x,plain,a=b,'=1\n-5,+49 1,-1.5e-7,-5,,\n",
	} {
		var out bytes.Buffer
		(&Env{Out: &out}).printRows([]string{"=a", "b", "c", "d", "e", "f"}, rows, "csv", exact)
		if out.String() != want {
			t.Errorf("exact %v: %q\nwant %q", exact, out.String(), want)
		}
	}
}

// TestTerminal: what a cell or an error carries does not steer the terminal.
func TestTerminal(t *testing.T) {
	var out bytes.Buffer
	(&Env{Out: &out}).Table([]string{"a\x1b[2J"}, [][]string{{"x\x1b]0;title\x07\u202ey\u2066z\u009bq"}})
	PrintError(&out, forge.Errorf(forge.KindInvalid, nil, "column \x1b[31m\u202e is odd\nsecond line"), false)
	if s := out.String(); strings.ContainsAny(s, "\x1b\x07\u202e\u2066\u009b") || !strings.Contains(s, "\nsecond line") {
		t.Errorf("%q", s)
	}
}

func TestEntitiesAndRows(t *testing.T) {
	body, err := (&Predict{Entity: []string{"a=1,b=x=y", "a=2,b="}}).body()
	if got, _ := json.Marshal(body); err != nil || string(got) != `{"entities":[{"a":"1","b":"x=y"},{"a":"2","b":""}]}` {
		t.Errorf("%s %v", got, err)
	}
	for _, p := range []Predict{{}, {Entity: []string{"a=1"}, Row: []string{"{}"}}, {Entity: []string{"a"}}, {Row: []string{"{"}}} {
		if _, err := p.body(); forge.KindOf(err) != forge.KindInvalid || err == nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// TestBrokenAuditLogFails: a script that only looks at the exit code learns of it, with
// --json too, and the first bad entry is named.
func TestBrokenAuditLogFails(t *testing.T) {
	answer := `{"entries": 41, "ok": false, "broken_at": 42, "reason": "the entry was changed"}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
	defer s.Close()
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		verify := func() error {
			out.Reset()
			return (&AuditVerify{}).Run(&Env{Globals: Globals{Addr: s.URL, Token: "x", JSON: asJSON}, Ctx: t.Context(), Out: &out})
		}
		answer = `{"entries": 41, "ok": false, "broken_at": 42, "reason": "the entry was changed"}`
		err := verify()
		if ExitCode(err) != ExitFailed || !strings.Contains(err.Error(), "entry 42: the entry was changed") {
			t.Errorf("json %v: exit %d, %v", asJSON, ExitCode(err), err)
		}
		if asJSON != strings.Contains(out.String(), `"broken_at": 42`) {
			t.Errorf("json %v: %s", asJSON, out.String())
		}
		answer = `{"entries": 41, "ok": true}`
		if err := verify(); err != nil || out.Len() == 0 {
			t.Errorf("json %v: %v, %s", asJSON, err, out.String())
		}
	}
}
