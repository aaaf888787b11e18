package trainer

import (
	"io/fs"
	"os"
	"path/filepath"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/training"
)

// keep checks the package that the trainer wrote and moves it to its place, which its
// digest names. A package that is there already is the same one.
func (t *Trainer) keep(scope forge.Scope, run training.Run, from string) (digest string, err error) {
	m, err := modelpkg.Read(from)
	if err != nil {
		return "", err
	}
	if err := modelpkg.VerifyChecksums(from); err != nil {
		return "", err
	}
	if _, err := modelpkg.ReadExample(from, m); err != nil {
		return "", err
	}
	if m.Run != run.ID || m.Target != run.Spec.Target || m.Task != run.Task {
		return "", forge.Errorf(forge.KindInvalid, nil, "the trainer wrote a package of run %q for %q (%s), not of this run for %q (%s)", m.Run, m.Target, m.Task, run.Spec.Target, run.Task)
	}
	if digest, err = modelpkg.Digest(from); err != nil {
		return "", err
	}
	to := t.modelDir(scope, run.Spec.Model, digest)
	if _, err := os.Stat(to); err == nil {
		return digest, nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", forge.Errorf(forge.KindUnavailable, err, "data folder %s cannot be written", t.cfg.Dir)
	}
	if err := syncFiles(from); err != nil {
		return "", err
	}
	if err := os.Rename(from, to); err != nil {
		return "", err
	}
	return digest, syncPath(filepath.Dir(to))
}

// syncFiles puts a folder's files on disk, so that the registry never names a package
// that a power cut has emptied.
func syncFiles(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
