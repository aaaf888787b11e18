package runlocal

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
)

// maxLine bounds one event; a trainer that writes more than this is not ours.
const maxLine = 8 << 20

// tail reads events.jsonl as it grows. Only whole lines that are JSON objects are
// handed on; what else is there is reported once, as a warning.
type tail struct {
	path    string
	emit    func(json.RawMessage)
	file    *os.File
	rest    []byte // of a line whose end is not written yet
	last    json.RawMessage
	strange int
}

func newTail(path string, emit func(json.RawMessage)) *tail { return &tail{path: path, emit: emit} }

// read hands on what was written since the last call.
func (t *tail) read() {
	if t.file == nil {
		f, err := os.Open(t.path)
		if err != nil {
			return // not yet there
		}
		t.file = f
	}
	b, err := io.ReadAll(t.file)
	if err != nil {
		return
	}
	t.rest = append(t.rest, b...)
	for {
		line, rest, ok := bytes.Cut(t.rest, []byte("\n"))
		if !ok {
			break
		}
		t.rest = rest
		t.line(line)
	}
	if len(t.rest) > maxLine {
		t.rest = nil
		t.garbage()
	}
}

// drain reads the end of the file once the trainer has ended.
func (t *tail) drain() {
	t.read()
	if len(t.rest) > 0 {
		t.garbage() // a line cut off by the trainer's end
	}
	if t.file != nil {
		t.file.Close()
	}
}

func (t *tail) line(line []byte) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil || object["type"] == nil {
		t.garbage()
		return
	}
	t.last = bytes.Clone(line)
	t.emit(t.last)
}

func (t *tail) garbage() {
	t.strange++
	if t.strange == 1 {
		t.emit(json.RawMessage(`{"type":"warning","text":"the trainer wrote lines that are no events; they are left out"}`))
	}
}

// text is what the last event says to the user, or other.
func (t *tail) text(other string) string {
	var e struct{ Error struct{ Text string } }
	if json.Unmarshal(t.last, &e) == nil && e.Error.Text != "" {
		return e.Error.Text
	}
	return other
}

// lastLines returns the last n lines of a file, at most 4 KiB.
func lastLines(path string, n int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 4 << 10
	if end, err := f.Seek(0, io.SeekEnd); err == nil && end > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	} else {
		_, _ = f.Seek(0, io.SeekStart)
	}
	b, _ := io.ReadAll(f)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
