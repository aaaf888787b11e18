package modelpkg

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aiforge.dev/forge"
)

// Listing is what checksums.txt must say: one line "SHA256  NAME" per file other than
// checksums.txt itself, sorted by name, names with forward slashes. A link or other
// thing that is not a plain file is refused, since it could point out of the package.
func Listing(dir string) (string, error) {
	names, err := files(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range names {
		sum, err := fileSum(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, name)
	}
	return b.String(), nil
}

func files(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !d.Type().IsRegular() {
			return forge.Errorf(forge.KindInvalid, nil, "model package holds %s, which is not a plain file", name)
		}
		if name != ChecksumsFile {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// Digest is the identity of the package in dir: the SHA-256 of its listing, and so of
// its sorted file names and their contents. It equals the SHA-256 of checksums.txt.
func Digest(dir string) (string, error) {
	list, err := Listing(dir)
	if err != nil {
		return "", err
	}
	if list == "" {
		return "", forge.Errorf(forge.KindInvalid, nil, "model package is empty")
	}
	sum := sha256.Sum256([]byte(list))
	return hex.EncodeToString(sum[:]), nil
}

// VerifyChecksums compares the files of dir with checksums.txt and names the first
// that differs.
func VerifyChecksums(dir string) error {
	want, err := readListing(dir)
	if err != nil {
		return err
	}
	list, err := Listing(dir)
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		switch have, ok := want[name]; {
		case !ok:
			return forge.Errorf(forge.KindInvalid, nil, "model package: %s is not listed in %s", name, ChecksumsFile)
		case have != sum:
			return forge.Errorf(forge.KindInvalid, nil, "model package: %s has changed since it was written (its checksum differs); register the model again", name)
		}
		delete(want, name)
	}
	for name := range want {
		return forge.Errorf(forge.KindInvalid, nil, "model package: %s is listed in %s and missing", name, ChecksumsFile)
	}
	return nil
}

func readListing(dir string) (map[string]string, error) {
	f, err := os.Open(filepath.Join(dir, ChecksumsFile))
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "model package has no %s", ChecksumsFile)
	}
	defer f.Close()
	out := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != 64 {
			return nil, forge.Errorf(forge.KindInvalid, nil, "%s of the model package: %q is not a line of SHA256, two spaces, name", ChecksumsFile, lines.Text())
		}
		out[name] = sum
	}
	return out, lines.Err()
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
