package csv_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest/csv"
)

// endless is a file of head and then x without a line end, size bytes in all; nothing of
// it is kept.
type endless struct {
	head string
	size int64
	at   int64
}

func (e *endless) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) && at < e.size {
		if at < int64(len(e.head)) {
			k := copy(p[n:], e.head[at:])
			n, at = n+k, at+int64(k)
			continue
		}
		k := int(min(int64(len(p)-n), e.size-at))
		fill := p[n : n+k]
		fill[0] = 'x'
		for done := 1; done < k; done *= 2 {
			copy(fill[done:], fill[:done])
		}
		n, at = n+k, at+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (e *endless) Read(p []byte) (int, error) {
	n, err := e.ReadAt(p, e.at)
	e.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// allocated is how many bytes f takes from memory, given back or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLineWithoutEnd: 200 MB without a line end are one reject, and take no more memory
// than any file; as the first line they are refused.
func TestLineWithoutEnd(t *testing.T) {
	const size = 200 << 20
	g := &got{}
	var stats csv.Stats
	var err error
	if n := allocated(func() {
		stats, err = csv.Split(t.Context(), &endless{head: "a,b\n", size: size}, plain, 2, "f.csv", g)
	}); n > 16<<20 {
		t.Errorf("Split took %d bytes", n)
	}
	if err != nil || stats.Rows != 1 || stats.Rejected != 1 || g.rejects[0].Line != 2 || !strings.Contains(g.rejects[0].Reason, "longer than 921600 bytes") || len(g.rejects[0].Text) > 70<<10 {
		t.Errorf("%+v %v, %d rejects", stats, err, len(g.rejects))
	}
	for head, words := range map[string]string{
		"":   "the first line is longer",
		"\"": "quotes are not closed",
		strings.Repeat("a,", 100_000) + "a\n" + strings.Repeat("1,", 100_000) + "1\n": "100001 columns, the limit is 2000",
	} {
		file := &endless{head: head, size: size}
		if n := allocated(func() { _, err = csv.Sniff(file, size, csv.Options{}) }); n > 256<<20 {
			t.Errorf("%.10q: Sniff took %d bytes", head, n)
		}
		if !errors.Is(err, forge.ErrInvalid) || !strings.Contains(err.Error(), words) || len(err.Error()) > 300 {
			t.Errorf("%.10q: %v, want %q", head, err, words)
		}
	}
}

// TestLargeCells: a cell of almost a megabyte is taken, a larger one is a reject that
// says so, and the rows around it are taken.
func TestLargeCells(t *testing.T) {
	fits, large := strings.Repeat("y", csv.MaxRecord-4), strings.Repeat("z", 1<<20)
	for name, text := range map[string]string{
		"bare":   "1,a\n2," + fits + "\n3," + large + "\n4,d\n",
		"quoted": "1,a\n2," + fits + "\n3,\"" + large + "\"\n4,d\n",
		"lines":  "1,a\n2," + fits + "\n3,\"" + large + "\n\n" + large + "\"\n4,d\n",
	} {
		g, s := split(t, text, plain, 2)
		if s.Rows != 3 || !strings.HasSuffix(string(g.data), "4,d\n") {
			t.Errorf("%s: %+v", name, s)
		}
		for _, r := range g.rejects {
			if r.Reason == "" || r.Line < 3 || len(r.Text) > 70<<10 {
				t.Errorf("%s: reject of line %d, %d bytes: %s", name, r.Line, len(r.Text), r.Reason)
			}
		}
	}
}

// TestHostileNames: names are data, made distinct, and look like what they are.
func TestHostileNames(t *testing.T) {
	for in, want := range map[string]string{
		`"""; drop table x",b`: `"; drop table x|b`, "🦊,b": "🦊|b", "../../x,b": "../../x|b", "select,from": "select|from",
		"pay\u202etnuoma,b": "pay tnuoma|b", "\u2066a\u2069,b": "a|b", "a\u200b,a": "a|a_2", "\ufeffa,A": "a|A_2", "a\x7f,b\u0085": "a|b",
		",b": "column_1|b", "   ,\t": "column_1|column_2", "a,a,a_2": "a|a_2|a_2_2", "É,é": "É|é_2", "👩\u200d🔬,b": "👩\u200d🔬|b",
		strings.Repeat("n", 10_000) + "," + strings.Repeat("n", 10_001): strings.Repeat("n", 200) + "|" + strings.Repeat("n", 200) + "_2",
	} {
		header := true
		s := sniff(t, in+"\n1,2\n3,4\n", csv.Options{Header: &header})
		var names []string
		for _, c := range s.Columns {
			names = append(names, c.Name)
		}
		if have := strings.Join(names, "|"); have != want {
			t.Errorf("%.60q: %.80q, want %.80q", in, have, want)
		}
	}
	const nul = "a\x00b,c\n1,2\n"
	if _, err := csv.Sniff(strings.NewReader(nul), int64(len(nul)), csv.Options{}); !errors.Is(err, forge.ErrInvalid) || !strings.Contains(err.Error(), "control characters") {
		t.Errorf("a NUL in a name: %v", err)
	}
}
