package diskio_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/internal/diskio"
)

func TestCopy(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	if err := os.WriteFile(from, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		most int64
		want string
		err  error
	}{
		"all": {diskio.All, "0123456789", nil}, "some": {4, "0123", nil}, "none": {0, "", nil}, "more": {11, "0123456789", io.EOF},
	} {
		to := filepath.Join(dir, name)
		n, err := diskio.Copy(from, to, c.most)
		got, rerr := os.ReadFile(to)
		if !errors.Is(err, c.err) || n != int64(len(c.want)) || string(got) != c.want || rerr != nil {
			t.Errorf("%s: %d bytes, %q, %v, %v", name, n, got, err, rerr)
		}
	}
	if _, err := diskio.Copy(from, filepath.Join(dir, "all"), 1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	if _, err := diskio.Copy(filepath.Join(dir, "nosuch"), filepath.Join(dir, "new"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	if err := diskio.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := diskio.SyncDir(filepath.Join(dir, "nosuch")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no folder: %v", err)
	}
}
