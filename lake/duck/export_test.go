package duck

import (
	"bufio"
	"bytes"
	"context"
	"errors"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
)

// Confine applies the sandbox of user queries to this process.
func Confine(files []string, tempDir string) error {
	return sandbox(request{Views: []view{{Files: files}}, TempDir: tempDir, MaxTemp: 1 << 20, Memory: 1 << 28, Threads: 1, Seconds: 60})
}

// Processes lists the ids of the idle workers.
func (e *Engine) Processes() (ids []int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.idle {
		ids = append(ids, p.cmd.Process.Pid)
	}
	return ids
}

// PID is the worker that makes a result.
func PID(r any) int { return r.(*result).c.p.cmd.Process.Pid }

// Rewrite and Scan are for tests of the lexer.
func Rewrite(sql string, args []any) (string, error) {
	encoded, err := encodeArgs(args)
	if err != nil {
		return "", err
	}
	return rewrite(sql, encoded)
}

// Refused reports whether the gate refuses a function.
func Refused(name string) bool { return refusedName(name) }

// PastTheGate runs SQL in this process, which it confines for good, as a worker runs a
// user's query, but without the gate; without locked also without DuckDB's own fence. It
// returns each statement's error.
func PastTheGate(file string, schema lake.Schema, tempDir string, locked bool, statements []string) ([]error, error) {
	r := request{
		Op: opUser, Views: []view{{Name: forge.TableName{Namespace: "raw", Name: "calls"}, Schema: schema, Files: []string{file}}},
		TempDir: tempDir, MaxTemp: 1 << 20, Memory: 1 << 28, Threads: 1, Seconds: 60,
	}
	s, err := openSession()
	if err != nil {
		return nil, err
	}
	// The session is not closed: the process ends, and a broken log would abort it here.
	if err := sandbox(r); err != nil {
		return nil, err
	}
	if !locked {
		r.Op = opQuery
	}
	if err := s.prepare(r); err != nil {
		return nil, err
	}
	errs := make([]error, len(statements))
	for i, sql := range statements {
		errs[i] = s.run(sql)
	}
	return errs, nil
}

// Frames reads frames up to an error, which it returns beside them.
func Frames(data []byte) (kinds []byte, payloads [][]byte, err error) {
	for r := bytes.NewReader(data); ; {
		kind, payload, err := readFrame(r)
		if err != nil {
			return kinds, payloads, err
		}
		kinds, payloads = append(kinds, byte(kind)), append(payloads, payload)
	}
}

// Frame is a payload as a frame.
func Frame(kind byte, payload []byte) ([]byte, error) {
	var b bytes.Buffer
	err := writeFrame(&b, frameKind(kind), payload)
	return b.Bytes(), err
}

// Answer reads what a worker would have written as the result of a user's query.
func Answer(ctx context.Context, data []byte) (lake.Result, error) {
	p := &process{out: bufio.NewReader(bytes.NewReader(data)), errs: &tail{}, done: make(chan struct{})}
	close(p.done)
	p.once.Do(func() {}) // there is no process to end
	e := &Engine{slots: make(chan struct{}, 1), closed: true}
	e.slots <- struct{}{}
	c := &call{ctx: ctx, e: e, p: p, op: opUser, timed: make(chan struct{}), stop: func() bool { return true }}
	h, err := c.header()
	if err != nil {
		return nil, err
	}
	return newResult(c, h), nil
}

// Recorded is what a worker writes for a query, with rows of every type.
func Recorded(sql string) ([]byte, error) {
	s, err := openSession()
	if err != nil {
		return nil, err
	}
	defer s.close()
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	end, err := s.query(sql, 0, w)
	if err == nil {
		err = writeJSON(w, frameEnd, end)
	}
	err = errors.Join(err, w.Flush())
	return b.Bytes(), err
}
