package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"aiforge.dev/forge/internal/depend"
)

var (
	tutorialBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```\n((?:<!-- shows: .*? -->\n)*)")
	tutorialShows = regexp.MustCompile("<!-- shows: (.*?) -->")
)

// TestTutorial runs every command of docs/tutorial.md, in order, by a shell, with a
// server of its own; after each block its output must say what the page promises.
func TestTutorial(t *testing.T) {
	page, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := tutorialBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 10 || len(blocks) != strings.Count(string(page), "```sh") {
		t.Fatalf("%d blocks were found", len(blocks))
	}
	dir := t.TempDir()
	env := tutorialEnv(t, dir)
	defer sh(env, dir, "forge down") //nolint:errcheck // the page has done it unless a block failed
	for _, b := range blocks {
		began := time.Now()
		out, err := sh(env, dir, b[1])
		if err != nil {
			t.Fatalf("%v in the block\n%s\n%s", err, b[1], out)
		}
		for _, want := range tutorialShows.FindAllStringSubmatch(b[2], -1) {
			if !strings.Contains(out, want[1]) {
				t.Errorf("the block\n%s\ndoes not show %q but\n%s", b[1], want[1], out)
			}
		}
		t.Logf("%4.1f s  %s", time.Since(began).Seconds(), strings.SplitN(b[1], "\n", 2)[0])
	}
}

func sh(env []string, dir, script string) (string, error) { return shell("sh", env, dir, script) }

func bash(env []string, dir, script string) (string, error) { return shell("bash", env, dir, script) }

func shell(name string, env []string, dir, script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, "-eu", "-c", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tutorialEnv is a newcomer's shell: forge on the PATH, examples in the folder.
func tutorialEnv(t *testing.T, dir string) []string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	python, err := depend.Python("")
	if err != nil {
		t.Fatal(err)
	}
	runtime, err := depend.ONNXRuntime("")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := wrapper(bin, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "examples"), filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	return []string{
		"PATH=" + bin + ":/usr/local/bin:/usr/bin:/bin", "HOME=" + dir, "FORGE_DATA=" + filepath.Join(dir, "data"),
		"FORGE_LISTEN=127.0.0.1:0", "FORGE_PYTHON=" + python, "FORGE_ONNXRUNTIME=" + runtime,
	}
}
