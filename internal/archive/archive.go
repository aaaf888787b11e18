// Package archive writes and reads backups: many files in one encrypted stream. It is a
// tar file, compressed with Zstandard and encrypted with age (age-encryption.org), so
// that the tools of that name can look into it when no forge is at hand. The first entry
// says what the backup is, the last one lists every file with its length and SHA-256:
// a stream that was cut, altered or put together from two is never taken for a whole one.
package archive

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"aiforge.dev/forge"
	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// Names of the entries that are not files of the backup.
const (
	headName = "backup.json"
	listName = "files.json"
)

// current is the number of this form of archive.
const current = 1

// Head is what a backup says of itself.
type Head struct {
	Archive int       `json:"archive"` // form of the archive; Write sets it
	Format  int       `json:"format"`  // of the data folder in it
	Forge   string    `json:"forge"`   // version of the program that made it
	At      time.Time `json:"at"`      // the moment that it shows
}

// File is one file of a backup. Size bytes are taken from Path, which may be longer: it
// may be one that is being appended to.
type File struct {
	Name string // in the backup, with slashes
	Path string
	Size int64
}

// listed is a file as the last entry has it.
type listed struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Write writes a backup for the recipients: who holds the identity of any one can read
// it. It is whole only when Write returns nil.
func Write(to io.Writer, head Head, files []File, recipients ...age.Recipient) error {
	sealed, err := age.Encrypt(to, recipients...)
	if err != nil {
		return err
	}
	// Most bytes are compressed (Parquet) or encrypted (metadata) already: be quick.
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	w := writer{tar: tar.NewWriter(packed), hash: sha256.New(), at: head.At}
	head.Archive = current
	if err := w.document(headName, head); err != nil {
		return err
	}
	list := make([]listed, 0, len(files))
	for _, f := range files {
		l, err := w.file(f)
		if err != nil {
			return fmt.Errorf("backup of %s: %w", f.Name, err)
		}
		list = append(list, l)
	}
	return errors.Join(w.document(listName, list), w.tar.Close(), packed.Close(), sealed.Close())
}

type writer struct {
	tar  *tar.Writer
	hash hash.Hash
	at   time.Time
}

func (w *writer) begin(name string, size int64) error {
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.at, Format: tar.FormatPAX})
}

func (w *writer) document(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := w.begin(name, int64(len(b))); err != nil {
		return err
	}
	_, err = w.tar.Write(b)
	return err
}

func (w *writer) file(f File) (listed, error) {
	in, err := os.Open(f.Path)
	if err != nil {
		return listed{}, err
	}
	defer in.Close()
	if err := w.begin(f.Name, f.Size); err != nil {
		return listed{}, err
	}
	w.hash.Reset()
	n, err := io.Copy(io.MultiWriter(w.tar, w.hash), io.LimitReader(in, f.Size))
	if err == nil && n < f.Size {
		err = fmt.Errorf("it has %d bytes, and had %d", n, f.Size)
	}
	return listed{f.Name, f.Size, hex.EncodeToString(w.hash.Sum(nil))}, err
}

// Recipients reads the keys to encrypt for: a passphrase alone, or public keys
// (age1…). At least one is needed, since a backup holds the data folder's own secrets.
func Recipients(passphrase string, keys []string) (out []age.Recipient, err error) {
	switch {
	case passphrase != "" && len(keys) > 0:
		return nil, forge.Errorf(forge.KindInvalid, nil, "a backup is locked either with a passphrase or for recipients, not both")
	case passphrase != "" && len(passphrase) < 12:
		return nil, forge.Errorf(forge.KindInvalid, nil, "the passphrase has %d characters: a backup holds every secret of the data folder, take at least 12", len(passphrase))
	case passphrase != "":
		r, err := age.NewScryptRecipient(passphrase)
		return []age.Recipient{r}, err
	case len(keys) == 0:
		return nil, forge.Errorf(forge.KindInvalid, nil, "a backup holds the data folder's own secrets and is always encrypted: give a passphrase (--passphrase-file, or FORGE_BACKUP_PASSPHRASE) or recipients (--recipient age1…; age-keygen makes a pair)")
	}
	for _, k := range keys {
		r, err := recipient(k)
		if err != nil {
			return nil, forge.Errorf(forge.KindInvalid, err, "recipient %q is no public key of age: want age1…, as age-keygen prints it", k)
		}
		out = append(out, r)
	}
	return out, nil
}

func recipient(k string) (age.Recipient, error) {
	if r, err := age.ParseX25519Recipient(k); err == nil {
		return r, nil
	}
	return age.ParseHybridRecipient(k)
}
