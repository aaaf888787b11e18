package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/archive"
	"aiforge.dev/forge/internal/diskio"
	"aiforge.dev/forge/internal/sqldb"
	"filippo.io/age"
)

// restoreCmd puts a backup into an empty data folder. No server is needed, and none may
// work there.
type restoreCmd struct {
	File string `arg:"" help:"The backup; - is standard input." placeholder:"FILE"`
	unlock
}

// unlock says what opens a backup.
type unlock struct {
	Identity   string     `help:"Identity file of age whose recipient the backup was made for." placeholder:"PATH"`
	Passphrase cli.Secret `embed:""`
}

func (u unlock) identities() ([]age.Identity, error) {
	pass, err := u.Passphrase.Text()
	if err != nil {
		return nil, err
	}
	if u.Identity == "" {
		if pass == "" {
			return nil, forge.Errorf(forge.KindInvalid, nil, "say what opens the backup: --passphrase-file PATH, FORGE_BACKUP_PASSPHRASE, or --identity PATH")
		}
		return archive.Identities(pass, "")
	}
	b, err := os.ReadFile(u.Identity)
	if err != nil {
		return nil, forge.Errorf(forge.KindNotFound, err, "identity file %s cannot be read", u.Identity)
	}
	return archive.Identities("", string(b))
}

// restored is what the command prints with --json.
type restored struct {
	Restored string    `json:"restored" doc:"The data folder"`
	At       time.Time `json:"at" doc:"The moment that the backup shows"`
	Forge    string    `json:"forge" doc:"Version of the forge that made it"`
}

// Answer implements cli.Answerer.
func (*restoreCmd) Answer() any { return restored{} }

func (c *restoreCmd) Run(e *cli.Env) error {
	ids, err := c.identities()
	if err != nil {
		return err
	}
	from := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return forge.Errorf(forge.KindNotFound, err, "backup %s cannot be read", c.File)
		}
		defer f.Close()
		from = f
	}
	head, err := restore(from, e.Data, ids)
	if err != nil {
		return err
	}
	if e.JSON {
		return e.PrintJSON(restored{e.Data, head.At, head.Forge})
	}
	fmt.Fprintf(e.Out, "restored into %s as it was at %s; forge up starts it\n", e.Data, head.At.Local().Format("2006-01-02 15:04:05"))
	return nil
}

// restore puts a backup into an empty folder, or leaves it empty. The files are written
// into a folder inside, by whose name a start is refused, and take their places only
// when all of them are there and right.
func restore(from io.Reader, data string, ids []age.Identity) (archive.Head, error) {
	if err := emptyFolder(data); err != nil {
		return archive.Head{}, err
	}
	part := filepath.Join(data, restoring)
	if err := os.Mkdir(part, 0o700); err != nil {
		return archive.Head{}, err
	}
	head, err := archive.Extract(from, part, func(h archive.Head) error {
		if h.Format > dataFormat {
			return sqldb.Newer("the backup", h.Format, h.Forge, dataFormat, version)
		}
		return nil
	}, ids...)
	if err != nil {
		return head, errors.Join(err, os.RemoveAll(part))
	}
	return head, takePlaces(data, part)
}

// emptyFolder makes the folder. What a disk has at its top does not count.
func emptyFolder(data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "data folder %s cannot be made", data)
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == restoring {
			return forge.Errorf(forge.KindConflict, nil, "an earlier restore into %s was interrupted: empty the folder and try again", data)
		}
		if e.Name() != "lost+found" {
			return forge.Errorf(forge.KindConflict, nil, "data folder %s is not empty (%s): a backup is restored into an empty one; give another with --data", data, e.Name())
		}
	}
	return nil
}

// takePlaces moves everything to the top of the data folder. Cut off here, the folder
// that is left over keeps a server from taking the half for the whole.
func takePlaces(data, part string) error {
	entries, err := os.ReadDir(part)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(part, e.Name()), filepath.Join(data, e.Name())); err != nil {
			return err
		}
	}
	if err := diskio.SyncDir(data); err != nil {
		return err
	}
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return diskio.SyncDir(data)
}
