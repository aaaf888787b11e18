package duck

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
