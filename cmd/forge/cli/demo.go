package cli

import (
	"io/fs"
	"os"
	"path/filepath"

	"aiforge.dev/forge/examples"
)

// Demo runs a shipped demo. Each is a list of ordinary commands, which it prints as
// it runs them.
type Demo struct {
	Calls   DemoCalls   `cmd:"" help:"A bank's telephone calls, 2008 to 2010: train, serve, watch the real drift, retrain."`
	Glucose DemoGlucose `cmd:"" help:"Glucose readings of 70 patients: dirt, masking, windows per patient."`
	Orders  DemoOrders  `cmd:"" help:"Orders of a shop (synthetic): cleaning and customer features."`
}

// demo runs commands one after the other and shows each as it would be typed.
type demo struct {
	e   *Env
	dir string // where the example files have been unpacked
}

// newDemo unpacks the example's files below the data folder.
func newDemo(e *Env, name string) (*demo, error) {
	d := &demo{e: e, dir: filepath.Join(e.Data, "demo", name)}
	sub, err := fs.Sub(examples.Files, name)
	if err != nil {
		return nil, err
	}
	return d, fs.WalkDir(sub, ".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := fs.ReadFile(sub, p)
		if err != nil {
			return err
		}
		return d.write(p, b)
	})
}

func (d *demo) write(name string, b []byte) error {
	p := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		return err
	}
	return os.WriteFile(p, b, 0o600)
}

func (d *demo) file(name string) string { return filepath.Join(d.dir, name) }

// title begins a step of the demo.
func (d *demo) title(text string) {
	if !d.e.JSON {
		d.e.printf("\n— %s\n", text)
	}
}

// shown prints the command as it would be typed, then runs it.
func (d *demo) shown(command string, cmd interface{ Run(*Env) error }) error {
	if !d.e.JSON {
		d.e.printf("$ forge %s\n", command)
	}
	return cmd.Run(d.e)
}

// step is one command of a demo; a title begins a new part.
type step struct {
	title, command string
	cmd            interface{ Run(*Env) error }
}

func (d *demo) all(steps []step) error {
	for _, s := range steps {
		if s.title != "" {
			d.title(s.title)
		}
		if err := d.shown(s.command, s.cmd); err != nil {
			return err
		}
	}
	return nil
}
