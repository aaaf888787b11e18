package audit

import (
	"context"
	"crypto/hmac"
	"encoding/json"
)

// Verdict is what Verify found.
type Verdict struct {
	Entries  int64  `json:"entries" doc:"Entries that are good, from the first on"`
	OK       bool   `json:"ok"`
	BrokenAt int64  `json:"broken_at,omitempty" doc:"Number of the first entry that was changed, moved or is missing"`
	Reason   string `json:"reason,omitempty"`
}

// Verify walks the whole chain from the first entry to the head.
func (l *Log) Verify(ctx context.Context) (Verdict, error) {
	end := l.state() // entries that come in while we read are another time's
	firsts, err := l.segments()
	if err != nil {
		return Verdict{}, err
	}
	v := verifier{l: l, end: end, sums: l.chainer()}
	for _, first := range firsts {
		if v.broken == "" && v.at.seq < end.seq && first != v.at.seq+1 {
			v.broken = "a file is missing, or a file was renamed"
		}
		if v.broken != "" || v.at.seq >= end.seq {
			break
		}
		if err := l.lines(first, func(x line) (bool, error) { return v.line(x), ctx.Err() }); err != nil {
			return Verdict{}, err
		}
	}
	if v.broken == "" {
		v.checkEnd()
	}
	out := Verdict{Entries: v.at.seq, OK: v.broken == "", Reason: v.broken}
	if !out.OK {
		out.BrokenAt = v.at.seq + 1
	}
	return out, nil
}

type verifier struct {
	l      *Log
	sums   chainer
	end    state
	at     state // the last good entry
	passed bool  // the walk came by the head that was known when the log was opened
	broken string
}

// line checks one entry against the one before; false ends the walk.
func (v *verifier) line(x line) bool {
	if v.at.seq >= v.end.seq {
		return false
	}
	var e struct{ Seq int64 }
	switch sum := v.sums.next(v.at.chain, x.entry); {
	case !x.whole || !x.good:
		v.broken = "the entry is damaged"
	case !hmac.Equal(sum[:], x.sum[:]):
		v.broken = "the entry was changed, or entries before it were removed or moved"
	case json.Unmarshal(x.entry, &e) != nil || e.Seq != v.at.seq+1:
		v.broken = "the entry's number is wrong"
	default:
		v.at = state{e.Seq, x.sum}
	}
	v.passed = v.passed || v.at == v.l.head.known
	return v.broken == ""
}

// checkEnd compares with what this process has written, and with the head that was
// there when it opened the log.
func (v *verifier) checkEnd() {
	head := v.l.head
	switch {
	case v.at != v.end:
		v.broken = "entries at the end are missing"
	case head.lost:
		v.broken = "the head file is missing or damaged, so a cut end could not be found"
	case head.known.seq > 0 && !v.passed:
		v.broken = "entries that the head file has seen were removed"
	}
}
