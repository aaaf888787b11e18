package keyset_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/keyset"
)

func TestKeyset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "forge.key")
	keys := make([]*keyset.Keyset, 8)
	var wg sync.WaitGroup
	for i := range keys { // several processes start at once: one key for all
		wg.Go(func() {
			k, err := keyset.Open(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	want := keys[0].Derive("metadata", 64)
	for _, k := range keys {
		if got := k.Derive("metadata", 64); len(got) != 64 || !bytes.Equal(got, want) {
			t.Fatal("the same purpose gave different bytes")
		}
	}
	if other := keys[0].Derive("tokens", 64); bytes.Equal(other, want) {
		t.Error("two purposes gave the same bytes")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".forge.key-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "forge.key")
	if _, err := keyset.Open(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keyset.Open(path); !errors.Is(err, forge.ErrDenied) {
		t.Errorf("a key that the group can read: %v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	edited := bytes.Clone(good)
	edited[20] ^= 1
	for name, content := range map[string][]byte{"empty": {}, "cut": good[:40], "edited": edited, "other": []byte("hello")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keyset.Open(path); !errors.Is(err, forge.ErrInvalid) {
			t.Errorf("%s key file: %v", name, err)
		}
	}
}
