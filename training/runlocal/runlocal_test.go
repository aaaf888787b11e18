package runlocal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/training"
	"aiforge.dev/forge/training/runlocal"
	"aiforge.dev/forge/training/trainingtest"
)

func TestContract(t *testing.T) {
	trainingtest.TestLauncher(t, func(t testing.TB, script string) training.Launcher {
		path := filepath.Join(t.TempDir(), "trainer.sh")
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		return runlocal.New(runlocal.Config{Command: []string{"/bin/sh", path}, Grace: time.Second})
	})
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	err := runlocal.New(runlocal.Config{Python: "/nowhere/python"}).Check(t.Context())
	if !errors.Is(err, forge.ErrUnavailable) || !strings.Contains(err.Error(), "/nowhere/python") {
		t.Errorf("no interpreter: %v", err)
	}
	bare := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(bare, []byte("#!/bin/sh\necho numpy\necho lightgbm\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	err = runlocal.New(runlocal.Config{Python: bare}).Check(t.Context())
	if !errors.Is(err, forge.ErrUnavailable) || !strings.Contains(err.Error(), "numpy lightgbm") {
		t.Errorf("missing packages: %v", err)
	}
}
