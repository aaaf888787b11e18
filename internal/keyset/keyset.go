// Package keyset holds the one secret of a data folder: a 32-byte master key in a
// file of mode 0600, from which every other secret is derived by HKDF-SHA256 with a
// purpose of its own. Losing the file loses what is encrypted with it.
package keyset

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"aiforge.dev/forge"
)

// header tells what the file is and how to read it.
const header = "forge-key-1 "

// Keyset derives secrets from a master key.
type Keyset struct{ master []byte }

// Open reads the key file at path and makes it when there is none. A file that others
// can read is refused: its key may be known to them.
func Open(path string) (*Keyset, error) {
	k, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := create(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, forge.Errorf(forge.KindUnavailable, err, "key file %s cannot be written: %v", path, err)
	}
	return read(path) // whoever was first: all read the same file
}

func read(path string) (*Keyset, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, forge.Errorf(forge.KindDenied, nil, "key file %s can be read by others (mode %04o): run chmod 600 on it, and make a new data folder if somebody may have read it", path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "key file %s cannot be read: %v", path, err)
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), header)
	both, err := hex.DecodeString(text)
	if !ok || err != nil || len(both) != 36 || !bytes.Equal(check(both[:32]), both[32:]) {
		return nil, forge.Errorf(forge.KindInvalid, err, "key file %s is damaged or is no key file: put it back from a backup; without it this data folder cannot be opened", path)
	}
	return &Keyset{master: both[:32]}, nil
}

// create makes the file whole or not at all: it is written under another name and
// linked, which fails when the name is taken meanwhile.
func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var master [32]byte
	_, _ = rand.Read(master[:])
	f, err := os.CreateTemp(filepath.Dir(path), ".forge.key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(header + hex.EncodeToString(master[:]) + hex.EncodeToString(check(master[:])) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// check finds a cut or mistyped key; it tells nothing about it that helps to guess.
func check(master []byte) []byte {
	sum := sha256.Sum256(append([]byte("forge key check "), master...))
	return sum[:4]
}

// Derive returns n bytes for a purpose. The same purpose gives the same bytes; bytes
// of different purposes tell nothing about each other.
func (k *Keyset) Derive(purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, k.master, nil, "forge "+purpose, n)
	if err != nil {
		panic(err) // only for n over 8,160 bytes, which is a fault in the program
	}
	return out
}
