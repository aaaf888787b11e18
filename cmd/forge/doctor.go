package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/depend"
	"aiforge.dev/forge/serving/onnx"
	"aiforge.dev/forge/ui"
)

// doctorCmd says what is there and what is missing. It never changes anything.
type doctorCmd struct{ Config }

// finding is one line of the doctor's report.
type finding struct {
	What  string `json:"what"`
	State string `json:"state" enum:"ok,missing,note"`
	Text  string `json:"text"`
}

type report struct {
	Findings []finding `json:"findings"`
}

// Answer implements cli.Answerer.
func (*doctorCmd) Answer() any { return report{} }

func (c *doctorCmd) Run(e *cli.Env) error {
	c.Data = e.Data
	if err := c.Validate(); err != nil {
		return err
	}
	findings := []finding{
		{"forge", "ok", version},
		c.server(e.Ctx), c.data(), c.runtime(), c.python(e.Ctx), studio(),
		address("kafka", c.Log, "the embedded broker, in the data folder"),
		address("metadata", c.Metadata, "SQLite, in the data folder, encrypted"),
		address("online features", c.Online, "the embedded store, in the data folder"),
		c.warehouse(),
		c.reach(),
	}
	if f, ok := c.takes(e); ok {
		findings = append(findings, f)
	}
	if e.JSON {
		return e.PrintJSON(report{findings})
	}
	for _, f := range findings {
		fmt.Fprintf(e.Out, "%-8s %-16s %s\n", f.State, f.What, f.Text)
	}
	return nil
}

func (c *doctorCmd) server(ctx context.Context) finding {
	f, err := cli.ReadServerFile(c.Data)
	if err != nil || !ready(ctx, f.Addr) {
		return finding{"server", "note", "not running on this data folder; forge up starts it"}
	}
	return finding{"server", "ok", fmt.Sprintf("ready at %s (process %d)", f.Addr, f.PID)}
}

func (c *doctorCmd) data() finding {
	dir := c.Data
	for { // the folder may not exist yet: look at the one it will be in
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return finding{"data folder", "missing", fmt.Sprintf("%s: %s", c.Data, err)}
	}
	free := st.Bavail * uint64(st.Bsize) >> 30
	f := finding{"data folder", "ok", fmt.Sprintf("%s, %d GiB free", c.Data, free)}
	if free < 2 {
		f.State, f.Text = "note", f.Text+": little room; uploads of more than that are refused"
	}
	return f
}

func (c *doctorCmd) runtime() finding {
	lib, err := depend.ONNXRuntime(c.ONNXRuntime)
	if err != nil {
		return finding{"ONNX Runtime", "missing", "models cannot be checked or served: " + err.Error()}
	}
	rt, err := onnx.Open(lib)
	if err != nil {
		return finding{"ONNX Runtime", "missing", err.Error()}
	}
	return finding{"ONNX Runtime", "ok", rt.Version() + ", " + lib}
}

func (c *doctorCmd) python(ctx context.Context) finding {
	py, err := depend.Python(c.Python)
	if err != nil {
		return finding{"trainer", "missing", "models cannot be trained: " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, py, "-c", "import sys, sklearn, lightgbm, skl2onnx, onnxruntime; print(sys.version.split()[0], 'scikit-learn', sklearn.__version__, 'LightGBM', lightgbm.__version__)").CombinedOutput()
	if err != nil {
		return finding{"trainer", "missing", fmt.Sprintf("%s lacks packages (%s): run make trainer", py, lastLine(out))}
	}
	return finding{"trainer", "ok", "Python " + strings.TrimSpace(string(out))}
}

func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}

func studio() finding {
	if !ui.Built() {
		return finding{"studio", "missing", "this binary was built without it: run make ui build"}
	}
	return finding{"studio", "ok", "in the binary"}
}

func (c *doctorCmd) warehouse() finding {
	f := address("warehouse", c.Warehouse, "Iceberg tables, in the data folder")
	if !Embedded(c.Warehouse) && c.S3Endpoint != "" {
		f.Text += " at " + hidePassword(c.S3Endpoint)
	}
	return f
}

func address(what, addr, embedded string) finding {
	if Embedded(addr) {
		return finding{what, "ok", embedded}
	}
	return finding{what, "ok", hidePassword(addr)}
}

// hidePassword leaves the password of an address out.
func hidePassword(addr string) string {
	scheme, rest, ok := strings.Cut(addr, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		user, _, _ := strings.Cut(rest[:at], ":")
		return scheme + "://" + user + ":…" + rest[at:]
	}
	return addr
}

func (c *doctorCmd) reach() finding {
	switch {
	case c.loopback():
		return finding{"reach", "ok", c.Listen + ": this machine only"}
	case c.TLSCert != "":
		return finding{"reach", "ok", c.Listen + " with TLS 1.3"}
	}
	return finding{"reach", "note", c.Listen + ": other machines can reach it and there is no TLS; give --tls-cert and --tls-key"}
}
