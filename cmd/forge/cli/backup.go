package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
)

// Backup saves the whole data folder of a running server.
type Backup struct {
	To         string   `arg:"" help:"File to write, or a folder in which it gets a name with the time; - is standard output." placeholder:"FILE|DIR"`
	Recipient  []string `help:"Encrypt for a public key of age (age1…), instead of a passphrase; may be repeated." placeholder:"AGE1…"`
	Passphrase Secret   `embed:""`
}

// Secret is a passphrase, from a file or the environment: never an argument, which other
// users of the machine see.
type Secret struct {
	File string `name:"passphrase-file" help:"File whose first line is the passphrase." placeholder:"PATH"`
	Env  string `name:"passphrase" hidden:"" env:"FORGE_BACKUP_PASSPHRASE"`
}

// Text is the passphrase, or nothing when none was given.
func (s Secret) Text() (string, error) {
	if s.File == "" {
		return s.Env, nil
	}
	b, err := os.ReadFile(s.File)
	if err != nil {
		return "", forge.Errorf(forge.KindNotFound, err, "passphrase file %s cannot be read", s.File)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimRight(line, "\r"), nil
}

type saved struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

// Answer implements Answerer.
func (*Backup) Answer() any { return saved{} }

func (c *Backup) Run(e *Env) error {
	pass, err := c.Passphrase.Text()
	if err != nil {
		return err
	}
	body := map[string]any{}
	if len(c.Recipient) > 0 {
		body["recipients"] = c.Recipient
	} else {
		body["passphrase"] = pass
	}
	info, err := os.Stat(c.To)
	folder := err == nil && info.IsDir()
	if err == nil && !folder {
		return exists(c.To)
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	in, name, err := client.Download(e.Ctx, "/api/backup", body)
	if err != nil {
		return err
	}
	defer in.Close()
	if c.To == "-" {
		_, err := io.Copy(e.Out, in)
		return cutOff(err)
	}
	to := c.To
	if folder {
		to = filepath.Join(to, filepath.Base(name))
	}
	n, err := saveNew(to, in)
	if err != nil {
		return err
	}
	return e.done(saved{to, n}, "%s: %s bytes; keep what opens it elsewhere, and try a restore now and then", to, count(n))
}

// saveNew writes a file whole or not at all, and never over another.
func saveNew(to string, in io.Reader) (int64, error) {
	if _, err := os.Stat(to); err == nil {
		return 0, exists(to)
	}
	f, err := os.OpenFile(to+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, forge.Errorf(forge.KindUnavailable, err, "%s cannot be written", to)
	}
	n, err := io.Copy(f, in)
	err = errors.Join(cutOff(err), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return n, err
}

func exists(file string) error {
	return forge.Errorf(forge.KindConflict, nil, "%s exists already: give another name, or a folder", file)
}

func cutOff(err error) error {
	if err == nil {
		return nil
	}
	return forge.Errorf(forge.KindUnavailable, err, "the backup broke off: %v; nothing was kept, the server's log says more", err)
}
