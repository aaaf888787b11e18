package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// Identities reads what opens a backup: the passphrase, or the text of an identity file
// of age (AGE-SECRET-KEY-1…).
func Identities(passphrase, identities string) ([]age.Identity, error) {
	if passphrase != "" {
		i, err := age.NewScryptIdentity(passphrase)
		return []age.Identity{i}, err
	}
	out, err := age.ParseIdentities(strings.NewReader(identities))
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "the identity file is none of age's: want lines AGE-SECRET-KEY-1…, as age-keygen writes them")
	}
	return out, nil
}

// Extract reads a backup into the empty folder dir. accept may refuse it by its head,
// before anything is written. Every file is on the disk when Extract returns nil; after
// an error what is in dir is worth nothing.
func Extract(from io.Reader, dir string, accept func(Head) error, identities ...age.Identity) (Head, error) {
	r, head, err := open(from, identities)
	if err != nil {
		return head, err
	}
	defer r.packed.Close()
	if err := accept(head); err != nil {
		return head, err
	}
	if r.root, err = os.OpenRoot(dir); err != nil {
		return head, err
	}
	defer r.root.Close()
	if err := r.files(); err != nil {
		return head, err
	}
	return head, syncTree(dir)
}

type reader struct {
	packed *zstd.Decoder
	tar    *tar.Reader
	root   *os.Root // names that lead out of it are refused by the system
	seen   []listed
}

func open(from io.Reader, identities []age.Identity) (*reader, Head, error) {
	var head Head
	plain, err := age.Decrypt(from, identities...)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, head, forge.Errorf(forge.KindDenied, err, "the backup cannot be opened with this passphrase or identity")
	}
	if err != nil {
		return nil, head, forge.Errorf(forge.KindInvalid, err, "this is no backup of forge, or it is damaged at its beginning: %v", err)
	}
	packed, err := zstd.NewReader(plain, zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, head, err
	}
	r := &reader{packed: packed, tar: tar.NewReader(packed)}
	h, err := r.tar.Next()
	if err != nil || h.Name != headName {
		packed.Close()
		return nil, head, broken(err, "its first entry is not "+headName)
	}
	if err := r.document(h, &head, 64<<10); err != nil {
		packed.Close()
		return nil, head, err
	}
	if head.Archive > current {
		packed.Close()
		return nil, head, forge.Errorf(forge.KindUnavailable, nil, "the backup was made by forge %s in a form (%d) that this forge does not know (up to %d): restore it with forge %s or newer", head.Forge, head.Archive, current, head.Forge)
	}
	return r, head, nil
}

// document reads a JSON entry of at most limit bytes.
func (r *reader) document(h *tar.Header, into any, limit int64) error {
	if h.Size > limit {
		return broken(nil, h.Name+" is too long")
	}
	b, err := io.ReadAll(r.tar)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return broken(err, h.Name+" cannot be read")
	}
	return nil
}

// files writes the entries up to the list and compares them with it.
func (r *reader) files() error {
	for {
		h, err := r.tar.Next()
		if err != nil {
			return broken(err, "it ends before its list of files")
		}
		if h.Name == listName {
			return r.compare(h)
		}
		if h.Typeflag != tar.TypeReg {
			return broken(nil, fmt.Sprintf("entry %q is no file", h.Name))
		}
		if err := r.file(h); err != nil {
			return err
		}
	}
}

func (r *reader) file(h *tar.Header) error {
	name := filepath.FromSlash(h.Name)
	if err := r.root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return outside(h.Name, err)
	}
	out, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return outside(h.Name, err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), r.tar)
	serr := out.Sync()
	if cerr := out.Close(); serr == nil {
		serr = cerr
	}
	if err != nil {
		var full *os.PathError
		if errors.As(err, &full) {
			return outside(h.Name, err)
		}
		return broken(err, fmt.Sprintf("%s cannot be read to its end", h.Name))
	}
	r.seen = append(r.seen, listed{h.Name, n, hex.EncodeToString(sum.Sum(nil))})
	return serr
}

// compare checks that the list names what was read, in its order, and that nothing
// comes after it.
func (r *reader) compare(h *tar.Header) error {
	var list []listed
	if err := r.document(h, &list, 256<<20); err != nil {
		return err
	}
	if len(list) != len(r.seen) {
		return broken(nil, fmt.Sprintf("it lists %d files and holds %d", len(list), len(r.seen)))
	}
	for i, l := range list {
		if l != r.seen[i] {
			return broken(nil, fmt.Sprintf("%s is not what the list says", r.seen[i].Name))
		}
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return broken(err, "something comes after its list of files")
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(r.packed, 1<<20+1)) // the last block, whose seal says that nothing was cut
	if err != nil || rest > 1<<20 {
		return broken(err, "it does not end where it should")
	}
	return nil
}

func broken(cause error, what string) error {
	return forge.Errorf(forge.KindInvalid, cause, "the backup is damaged or was changed: %s; take another copy of it", what)
}

func outside(name string, err error) error {
	return forge.Errorf(forge.KindUnavailable, err, "%s cannot be written: %v", name, err)
}

// syncTree makes the names in all folders durable; the files are already.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
