package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
)

// upCmd starts the server in the background and runs the demo.
type upCmd struct {
	Config
	Demo bool `help:"Run the demo on the bank's calls." default:"true" negatable:""`
}

type upAnswer struct {
	Studio  string  `json:"studio" doc:"Address of the server"`
	Started bool    `json:"started" doc:"False: it was running"`
	Seconds float64 `json:"seconds" doc:"Until it was ready"`
	Login   string  `json:"login,omitempty" doc:"Address and password of the first account"`
}

// Answer implements cli.Answerer.
func (*upCmd) Answer() any { return upAnswer{} }

type downAnswer struct {
	Stopped bool `json:"stopped" doc:"False: none was running"`
}

// Answer implements cli.Answerer.
func (downCmd) Answer() any { return downAnswer{} }

func (c *upCmd) Run(e *cli.Env) error {
	c.Data = e.Data
	if err := c.Validate(); err != nil {
		return err
	}
	began := time.Now()
	base, started, err := c.start(e.Ctx)
	if err != nil {
		return err
	}
	if err := c.report(e, base, started, time.Since(began)); err != nil {
		return err
	}
	if !c.Demo {
		return nil
	}
	return (&cli.DemoCalls{}).Run(e)
}

// report says where the studio is and who may sign in first.
func (c *upCmd) report(e *cli.Env, base string, started bool, took time.Duration) error {
	login, err := os.ReadFile(filepath.Join(e.Data, firstLoginFile))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	first := strings.TrimSpace(string(login))
	if e.JSON {
		return e.PrintJSON(upAnswer{base, started, took.Seconds(), first})
	}
	state := "is running already"
	if started {
		state = fmt.Sprintf("ready after %.1f s", took.Seconds())
	}
	fmt.Fprintf(e.Out, "studio   %s  (%s)\n", base, state)
	if first != "" {
		fmt.Fprintf(e.Out, "login    %s\n", first)
	}
	return nil
}

// start returns the address of the running server, which it starts if need be.
func (c *upCmd) start(ctx context.Context) (base string, started bool, err error) {
	if f, err := cli.ReadServerFile(c.Data); err == nil && ready(ctx, f.Addr) {
		return f.Addr, false, nil
	}
	exe, err := self()
	if err != nil {
		return "", false, err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return "", false, forge.Errorf(forge.KindUnavailable, err, "data folder %s cannot be made", c.Data)
	}
	logPath := c.path("server.log")
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", false, err
	}
	defer logFile.Close()
	cmd := exec.Command(exe, c.serveArgs()...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.Env = append(os.Environ(), "FORGE_S3_ACCESS_KEY="+c.S3AccessKey, "FORGE_S3_SECRET_KEY="+c.S3SecretKey) // not for the process list
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", false, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if f, err := cli.ReadServerFile(c.Data); err == nil && f.PID == cmd.Process.Pid && ready(ctx, f.Addr) {
			return f.Addr, true, nil
		}
		select {
		case <-ended:
			return "", false, forge.Errorf(forge.KindUnavailable, nil, "the server ended at once; the last lines of %s:\n%s", logPath, tail(logPath, 5))
		case <-ctx.Done():
			return "", false, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *upCmd) serveArgs() []string {
	args := []string{"serve", "--data", c.Data, "--listen", c.Listen, "--log", c.Log, "--metadata", c.Metadata, "--online", c.Online,
		"--warehouse", c.Warehouse, "--s3-copies", fmt.Sprint(c.S3Copies),
		"--upkeep-every", c.UpkeepEvery.String(), "--upkeep-grace", c.UpkeepGrace.String(), "--upkeep-orphans", c.UpkeepOrphans.String(), "--keep-jobs", c.KeepJobs.String(),
		"--max-upload", fmt.Sprint(c.MaxUpload), "--memory", fmt.Sprint(c.Memory), "--workers", fmt.Sprint(c.Workers)}
	for flag, v := range map[string]string{"--s3-endpoint": c.S3Endpoint, "--s3-region": c.S3Region, "--onnx-runtime": c.ONNXRuntime, "--python": c.Python, "--tls-cert": c.TLSCert, "--tls-key": c.TLSKey, "--hosts": strings.Join(c.Hosts, ",")} {
		if v != "" {
			args = append(args, flag, v)
		}
	}
	return args
}

func ready(ctx context.Context, base string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func tail(path string, lines int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// downCmd stops the server of the data folder.
type downCmd struct{}

func (downCmd) Run(e *cli.Env) error {
	f, err := cli.ReadServerFile(e.Data)
	if err != nil || !works(e.Data) {
		return stopped(e, false, "no server is running in "+e.Data)
	}
	if err := syscall.Kill(f.PID, syscall.SIGTERM); err != nil {
		return forge.Errorf(forge.KindDenied, err, "the server (process %d) cannot be stopped", f.PID)
	}
	for range 300 {
		if !works(e.Data) {
			return stopped(e, true, "stopped")
		}
		select {
		case <-e.Ctx.Done():
			return e.Ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return forge.Errorf(forge.KindUnavailable, nil, "the server (process %d) has not ended after 30 s: look at %s", f.PID, filepath.Join(e.Data, "server.log"))
}

// works reports whether a server works on a data folder. The process id in server.json
// does not say so: after a crash it may be another program's by now.
func works(data string) bool {
	unlock, err := lockFolder(data)
	if err != nil {
		return true
	}
	_ = unlock()
	return false
}

func stopped(e *cli.Env, was bool, text string) error {
	if e.JSON {
		return e.PrintJSON(downAnswer{was})
	}
	fmt.Fprintln(e.Out, text)
	return nil
}

// writeServerFile leaves the address for the command line.
func writeServerFile(data, addr string) error {
	b, err := json.Marshal(cli.ServerFile{Addr: addr, PID: os.Getpid()})
	if err != nil {
		return err
	}
	tmp := filepath.Join(data, ".server.json")
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(data, "server.json"))
}

const firstLoginFile = "first-login"
