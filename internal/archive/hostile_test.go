package archive_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/archive"
	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// zeros are n bytes that pack to almost nothing.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	k := min(int64(len(p)), z.n)
	clear(p[:k])
	z.n -= k
	return int(k), nil
}

// TestHostileEntries: anyone who has the public key can make an archive. Nothing but
// plain files comes out of it, and what is packed small takes little memory.
func TestHostileEntries(t *testing.T) {
	id := key(t)
	const good = `{"archive":1,"format":3,"forge":"1.2"}`
	for name, fill := range map[string]func(w *tar.Writer, after io.Writer){
		"symbolic link": entry(tar.Header{Name: "lake", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, 0),
		"hard link":     entry(tar.Header{Name: "lake", Typeflag: tar.TypeLink, Linkname: "../secret"}, 0),
		"device":        entry(tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, 0),
		"pipe":          entry(tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}, 0),
		"folder":        entry(tar.Header{Name: "lake/", Typeflag: tar.TypeDir, Mode: 0o777}, 0),
		"absolute":      entry(tar.Header{Name: "/tmp/forge-hostile-entry", Typeflag: tar.TypeReg, Size: 1}, 1),
		"beside":        entry(tar.Header{Name: "a/../../secret", Typeflag: tar.TypeReg, Size: 1}, 1),
		"nobody's list": entry(tar.Header{Name: "files.json", Typeflag: tar.TypeReg, Size: 1 << 40}, 0),
		"a bomb at the end": func(w *tar.Writer, after io.Writer) {
			list := "[]"
			must(t, w.WriteHeader(&tar.Header{Name: "files.json", Typeflag: tar.TypeReg, Size: int64(len(list))}))
			_, _ = io.WriteString(w, list)
			must(t, w.Close())
			_, _ = io.Copy(after, &zeros{8 << 20})
		},
	} {
		outer := t.TempDir()
		must(t, os.WriteFile(filepath.Join(outer, "secret"), []byte("mine"), 0o600))
		dir := filepath.Join(outer, "in")
		must(t, os.Mkdir(dir, 0o700))
		err, used := extract(t, id, good, fill, dir)
		if k := forge.KindOf(err); err == nil || k != forge.KindInvalid && k != forge.KindUnavailable {
			t.Errorf("%s: %v (%s)", name, err, k)
		}
		if used > 64<<20 {
			t.Errorf("%s: %d bytes of memory", name, used)
		}
		if out := tree(t, outer); out["secret"] != "mine" {
			t.Errorf("%s: %q", name, out)
		}
		must(t, filepath.Walk(dir, func(p string, i os.FileInfo, err error) error {
			if err == nil && !i.IsDir() && !i.Mode().IsRegular() {
				t.Errorf("%s: %s is %s", name, p, i.Mode())
			}
			return err
		}))
	}
	// The head is read before anything is decided, and may not be large.
	list := entry(tar.Header{Name: "files.json", Typeflag: tar.TypeReg, Size: 2}, 0)
	if err, _ := extract(t, id, good+strings.Repeat(" ", 2<<20), list, t.TempDir()); forge.KindOf(err) != forge.KindInvalid || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a head of 2 MB: %v", err)
	}
}

// entry adds an entry, and the list that vouches for it.
func entry(h tar.Header, content int64) func(*tar.Writer, io.Writer) {
	return func(w *tar.Writer, _ io.Writer) {
		_ = w.WriteHeader(&h)
		_, _ = io.Copy(w, &zeros{content})
		sum := sha256.New()
		_, _ = io.Copy(sum, &zeros{content})
		list := fmt.Sprintf(`[{"name":%q,"size":%d,"sha256":"%x"}]`, h.Name, content, sum.Sum(nil))
		_ = w.WriteHeader(&tar.Header{Name: "files.json", Typeflag: tar.TypeReg, Size: int64(len(list))})
		_, _ = io.WriteString(w, list)
		_ = w.Close()
	}
}

// extract makes an archive with the head and what fill adds, and unpacks it.
func extract(t *testing.T, id *age.X25519Identity, first string, fill func(*tar.Writer, io.Writer), dir string) (error, uint64) {
	t.Helper()
	var b bytes.Buffer
	sealed, err := age.Encrypt(&b, id.Recipient())
	must(t, err)
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest))
	must(t, err)
	w := tar.NewWriter(packed)
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "backup.json", Size: int64(len(first)), Mode: 0o600}))
	_, err = io.WriteString(w, first)
	must(t, err)
	fill(w, packed)
	_ = w.Flush()
	must(t, packed.Close())
	must(t, sealed.Close())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = archive.Extract(&b, dir, yes, id)
	runtime.ReadMemStats(&after)
	return err, after.TotalAlloc - before.TotalAlloc
}
