package runlocal

import (
	"context"
	"os/exec"
	"strings"

	"aiforge.dev/forge"
)

// probe names what the interpreter lacks; it imports nothing heavy.
const probe = `
import importlib.util, sys
if sys.version_info < (3, 11):
    print("Python 3.11 or newer (this is %d.%d)" % sys.version_info[:2])
for name in ("forge_trainer", "numpy", "scipy", "pandas", "pyarrow", "sklearn", "lightgbm", "onnx", "onnxruntime", "skl2onnx", "onnxmltools", "optuna", "yaml"):
    if importlib.util.find_spec(name) is None:
        print(name)
`

// Check says whether the trainer could be started now, and what it lacks.
func (l *Launcher) Check(ctx context.Context) error {
	if l.cfg.Python == "" {
		if _, err := exec.LookPath(l.cfg.Command[0]); err != nil {
			return forge.Errorf(forge.KindUnavailable, err, "the trainer %s is not there: %s", l.cfg.Command[0], cure)
		}
		return nil
	}
	cmd := exec.CommandContext(ctx, l.cfg.Python, "-P", "-s", "-c", probe)
	cmd.Env = l.env("/nonexistent")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the trainer's Python %s does not start: %s", l.cfg.Python, cure)
	}
	if lacks := strings.Fields(strings.ReplaceAll(string(out), "\n", " ")); len(lacks) > 0 {
		return forge.Errorf(forge.KindUnavailable, nil, "the trainer's Python %s lacks: %s. %s", l.cfg.Python, strings.Join(lacks, " "), "Install training/python/requirements.txt into it, or run make setup")
	}
	return nil
}
