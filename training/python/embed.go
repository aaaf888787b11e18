// Package python carries the trainer inside the binary and unpacks it where a
// Python interpreter can import it.
package python

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed forge_trainer/*.py requirements.txt
var files embed.FS

// Requirements is requirements.txt: the packages that the trainer needs, pinned, with
// hashes.
func Requirements() string {
	b, _ := files.ReadFile("requirements.txt") // embedded: it is there
	return string(b)
}

// Unpack writes the trainer below dir, in a folder named by its content, and returns
// that folder, which belongs into PYTHONPATH. It does so once: another start of the
// same binary finds it there, and another version lies beside it.
func Unpack(dir string) (string, error) {
	sum, err := digest()
	if err != nil {
		return "", err
	}
	target := filepath.Join(dir, "trainer-"+sum[:16])
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("unpack the trainer: %w", err)
	}
	tmp, err := os.MkdirTemp(dir, "trainer-*.tmp")
	if err != nil {
		return "", fmt.Errorf("unpack the trainer: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.CopyFS(tmp, files); err != nil {
		return "", fmt.Errorf("unpack the trainer: %w", err)
	}
	err = os.Rename(tmp, target)
	if _, there := os.Stat(target); err != nil && there != nil {
		return "", fmt.Errorf("unpack the trainer: %w", err)
	}
	return target, nil // also when another process was quicker
}

func digest() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n", path, len(b))
		h.Write(b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
