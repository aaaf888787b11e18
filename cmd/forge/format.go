package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
)

// dataFormat is the number of what this program writes: the data folder's layout and the
// metadata store with it. It rises when an older program could no longer work on either,
// or would damage it; a new table alone is the migrations' business. 1 is the format of
// the first release, which left no format file.
const dataFormat = 1

// format is the file of that name in the data folder.
type format struct {
	Format int    `json:"format"`
	Forge  string `json:"forge"` // version of the program that worked on the folder last
}

const formatFile = "format"

// mayRead refuses a folder that a newer program has worked on, and one that was not
// restored to its end.
func mayRead(dir string, known int, version string) (have format, err error) {
	if _, err := os.Stat(filepath.Join(dir, restoring)); err == nil {
		return have, forge.Errorf(forge.KindUnavailable, nil, "the restore of data folder %s was interrupted: empty the folder and run forge restore again", dir)
	}
	if have, err = readFormat(dir); err == nil && have.Format > known {
		err = sqldb.Newer("data folder "+dir, have.Format, have.Forge, known, version)
	}
	return have, err
}

// claimFolder leaves its own version for the next program in a folder that it may read.
func claimFolder(dir string, known int, version string) error {
	have, err := mayRead(dir, known, version)
	if want := (format{known, version}); err == nil && have != want {
		return writeFormat(dir, want)
	}
	return err
}

func readFormat(dir string) (f format, err error) {
	b, err := os.ReadFile(filepath.Join(dir, formatFile))
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return f, forge.Errorf(forge.KindUnavailable, err, "the file format of data folder %s cannot be read: put it back from a backup", dir)
	}
	return f, nil
}

func writeFormat(dir string, f format) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, "."+formatFile)
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "data folder %s cannot be written", dir)
	}
	return os.Rename(tmp, filepath.Join(dir, formatFile))
}

// restoring is the folder in a data folder that a restore has not finished with.
const restoring = ".restoring"
