package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/depend"
	"aiforge.dev/forge/training"
)

// tamper turns two scores of a package's example around and makes its checksums right
// again, as a converter that is silently wrong would leave it.
const tamper = `
import hashlib, json, os, sys
d = sys.argv[1]
p = os.path.join(d, "example.json")
e = json.load(open(p))
e["scores"][0] = e["scores"][0][::-1]
json.dump(e, open(p, "w"))
names = sorted(os.path.relpath(os.path.join(r, f), d) for r, _, fs in os.walk(d) for f in fs)
with open(os.path.join(d, "checksums.txt"), "w") as out:
    for n in names:
        if n != "checksums.txt":
            out.write(hashlib.sha256(open(os.path.join(d, n), "rb").read()).hexdigest() + "  " + n + "\n")
`

// TestAModelWhoseONNXDoesNotMatch: the trainer's package goes wrong after a good one;
// the new version is refused, and nothing of what is in use moves.
func TestAModelWhoseONNXDoesNotMatch(t *testing.T) {
	real, err := depend.Python("")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	now, script := filepath.Join(dir, "now"), write(t, "tamper.py", []byte(tamper))
	wrapper := write(t, "python", fmt.Appendf(nil, `#!/bin/sh
%[1]q "$@"
code=$?
for last; do :; done
if [ -f %[2]q ] && [ -d "$last/package" ]; then %[1]q %[3]q "$last/package" || exit 9; fi
exit $code
`, real, now, script))
	if err := os.Chmod(wrapper, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := embedded(filepath.Join(dir, "data"))
	cfg.Python = wrapper
	f := freshWith(t, cfg)
	f.smallSet(t, "small", 300, noisy)
	train := []string{"train", "small", "--training-set", "small", "--budget", "1s", "--families", "logistic_regression", "--drop", "id", "--alias", "champion"}
	f.must(t, nil, train...)
	f.must(t, nil, "deploy", "small@champion")
	if err := os.WriteFile(now, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.refused(t, cli.ExitInvalid, []string{"model.onnx does not answer as the trained model did", "row 0", "refused"}, train...)
	var m training.Model
	f.must(t, &m, "models", "small")
	if m.Aliases["champion"] != 1 || f.version(t, "small") != 1 {
		t.Errorf("aliases %v, the deployment answers with version %d", m.Aliases, f.version(t, "small"))
	}
	for _, v := range m.Versions {
		if v.Number != 1 && v.Status == "ready" {
			t.Errorf("the wrong model is %s: %+v", v.Status, v)
		}
	}
	f.refused(t, cli.ExitFailed, nil, "deploy", "small/2", "--name", "wrong")
	f.must(t, nil, "predict", "small", "-r", `{"x": 3}`)
}

// noisy is a line whose label follows x loosely.
func noisy(i int) string {
	return fmt.Sprintf("%d,,same,%s", i%7, []string{"no", "yes"}[min((i%7+i*37%11)/9, 1)])
}
