package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/archive"
	"filippo.io/age"
)

var head = archive.Head{Format: 3, Forge: "1.2", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}

func key(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	must(t, err)
	return id
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sample writes files of several sizes, one longer than its size says, and returns what
// is to come out.
func sample(t testing.TB) (files []archive.File, want map[string]string) {
	t.Helper()
	dir := t.TempDir()
	want = map[string]string{}
	rng := rand.New(rand.NewPCG(1, 2))
	for i, n := range []int{0, 1, 700, 100_000, 300_001} {
		b := make([]byte, n)
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		p := filepath.Join(dir, fmt.Sprint(i))
		must(t, os.WriteFile(p, append(b, "written later"...), 0o600))
		name := fmt.Sprintf("lake/a/ü %d/%s.bin", i, string(bytes.Repeat([]byte("long"), 40)))
		files = append(files, archive.File{Name: name, Path: p, Size: int64(n)})
		want[name] = string(b)
	}
	return files, want
}

func yes(archive.Head) error { return nil }

func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[rel] = string(b)
		return err
	}))
	return out
}

func TestRoundTrip(t *testing.T) {
	files, want := sample(t)
	id := key(t)
	var b bytes.Buffer
	must(t, archive.Write(&b, head, files, id.Recipient()))
	dir := t.TempDir()
	got, err := archive.Extract(&b, dir, yes, id)
	must(t, err)
	if got.Format != 3 || got.Forge != "1.2" || !got.At.Equal(head.At) {
		t.Errorf("head %+v", got)
	}
	if !reflect.DeepEqual(tree(t, dir), want) {
		t.Error("other files came out")
	}
}

func TestPassphrase(t *testing.T) {
	files, _ := sample(t)
	to, err := archive.Recipients("a long passphrase", nil)
	must(t, err)
	var b bytes.Buffer
	must(t, archive.Write(&b, head, files[:1], to...))
	for pass, kind := range map[string]forge.Kind{"a long passphrase": "", "another passphrase": forge.KindDenied} {
		ids, err := archive.Identities(pass, "")
		must(t, err)
		if _, err := archive.Extract(bytes.NewReader(b.Bytes()), t.TempDir(), yes, ids...); err != nil && forge.KindOf(err) != kind || err == nil && kind != "" {
			t.Errorf("%q: %v", pass, err)
		}
	}
}

func TestWhoMayReadIsChecked(t *testing.T) {
	good := key(t).Recipient().String()
	for _, c := range []struct {
		pass string
		keys []string
		ok   bool
	}{{"", nil, false}, {"short", nil, false}, {"long enough it is", nil, true}, {"long enough it is", []string{good}, false}, {"", []string{good, good}, true}, {"", []string{good, "age1x"}, false}} {
		to, err := archive.Recipients(c.pass, c.keys)
		if (err == nil) != c.ok || err != nil && forge.KindOf(err) != forge.KindInvalid || c.ok && len(to) == 0 {
			t.Errorf("%+v: %d, %v", c, len(to), err)
		}
	}
	if _, err := archive.Identities("", "hello"); forge.KindOf(err) != forge.KindInvalid {
		t.Errorf("no identity: %v", err)
	}
}

// TestDamage: a backup that was cut at any place, had any byte changed, was followed by
// something, or is none, is refused.
func TestDamage(t *testing.T) {
	files, _ := sample(t)
	id := key(t)
	var b bytes.Buffer
	must(t, archive.Write(&b, head, files, id.Recipient()))
	whole := b.Bytes()
	refused := func(what string, raw []byte) {
		_, err := archive.Extract(bytes.NewReader(raw), t.TempDir(), yes, id)
		if k := forge.KindOf(err); err == nil || k != forge.KindInvalid && k != forge.KindDenied {
			t.Errorf("%s: %v (%s)", what, err, k)
		}
	}
	refused("nothing", nil)
	refused("something else", []byte("PK\x03\x04 hello hello hello"))
	refused("a tail", append(bytes.Clone(whole), 'x'))
	refused("twice", append(bytes.Clone(whole), whole...))
	step := len(whole) / 60
	for at := 1; at < len(whole); at += step {
		refused(fmt.Sprintf("cut at %d", at), whole[:at])
		changed := bytes.Clone(whole)
		changed[at] ^= 1
		refused(fmt.Sprintf("byte %d", at), changed)
	}
	for _, n := range []int{1, 16, 17} {
		refused(fmt.Sprintf("without its last %d", n), whole[:len(whole)-n])
	}
}

// TestNamesStayInside: a name that leads out of the folder, or two files of one name,
// come from nobody who means well.
func TestNamesStayInside(t *testing.T) {
	files, _ := sample(t)
	id := key(t)
	for _, name := range []string{"../x", "/tmp/forge-test-outside", "a/../../x", "same"} {
		bad := []archive.File{{Name: "same", Path: files[1].Path, Size: 1}, {Name: name, Path: files[1].Path, Size: 1}}
		var b bytes.Buffer
		must(t, archive.Write(&b, head, bad, id.Recipient()))
		dir := filepath.Join(t.TempDir(), "in")
		must(t, os.Mkdir(dir, 0o700))
		if _, err := archive.Extract(&b, dir, yes, id); err == nil {
			t.Errorf("%s was taken", name)
		}
		if out := tree(t, filepath.Dir(dir)); len(out) > 1 {
			t.Errorf("%s: %d files", name, len(out))
		}
	}
}

func TestFileShrinks(t *testing.T) {
	p := filepath.Join(t.TempDir(), "x")
	must(t, os.WriteFile(p, []byte("12"), 0o600))
	var b bytes.Buffer
	if err := archive.Write(&b, head, []archive.File{{Name: "x", Path: p, Size: 3}}, key(t).Recipient()); err == nil {
		t.Error("a file that lost bytes was backed up")
	}
}

func TestHeadMayRefuse(t *testing.T) {
	files, _ := sample(t)
	id, no := key(t), errors.New("too new")
	var b bytes.Buffer
	must(t, archive.Write(&b, head, files, id.Recipient()))
	dir := t.TempDir()
	_, err := archive.Extract(&b, dir, func(h archive.Head) error {
		if h.Format != 3 {
			t.Errorf("head %+v", h)
		}
		return no
	}, id)
	if !errors.Is(err, no) || len(tree(t, dir)) != 0 {
		t.Errorf("%v, %d files", err, len(tree(t, dir)))
	}
}
