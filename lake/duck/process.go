package duck

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"aiforge.dev/forge"
)

// process is one worker.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	pipe *os.File // its standard output; ours to close, since Wait would close it under a reader
	out  *bufio.Reader
	errs *tail
	dir  string // for spilling
	used bool

	once sync.Once
	done chan struct{} // closed when it has ended
	err  error         // how, after done
}

func startProcess(cfg Config) (*process, error) {
	if len(cfg.Command) == 0 {
		return nil, fmt.Errorf("duck: no worker command is configured")
	}
	p := &process{cmd: exec.Command(cfg.Command[0], cfg.Command[1:]...), errs: &tail{}, done: make(chan struct{})}
	p.cmd.Env = append([]string{}, cfg.Env...) // never nil, which would hand over ours
	p.cmd.Dir = os.TempDir()
	p.cmd.Stderr = p.errs
	separate(p.cmd)
	p.dir = filepath.Join(cfg.TempDir, forge.NewID("q"))
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	pipe, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.pipe, p.cmd.Stdout, p.out = pipe, theirs, bufio.NewReaderSize(pipe, 64<<10)
	err = p.cmd.Start()
	_ = theirs.Close() // the worker has its own; with ours open the end would not be seen
	if err != nil {
		_ = pipe.Close()
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		_ = os.RemoveAll(p.dir)
		close(p.done)
		if s := p.errs.String(); s != "" {
			cfg.Log.Warn("SQL worker said", "stderr", s)
		}
	}()
	return p, nil
}

// temp makes the worker's folder for spilling.
func (p *process) temp() (string, error) { return p.dir, os.MkdirAll(p.dir, 0o700) }

// kill ends the process and waits until it is gone.
func (p *process) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.in.Close()
		<-p.done
		_ = p.pipe.Close()
	})
	<-p.done
}

// failure says how a process ended, once it has.
func (p *process) failure() error {
	<-p.done
	if p.err == nil {
		return fmt.Errorf("duck: the worker ended by itself: %s", p.errs)
	}
	return fmt.Errorf("duck: the worker ended: %w: %s", p.err, p.errs)
}

// tail keeps the first bytes that a worker writes to its standard error.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4096 - t.buf.Len(); room > 0 {
		t.buf.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
