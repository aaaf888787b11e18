package duck

import (
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
