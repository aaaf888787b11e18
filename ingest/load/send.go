package load

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strconv"

	"aiforge.dev/forge/ingest"
	"aiforge.dev/forge/ingest/csv"
	"aiforge.dev/forge/internal/jobs"
)

// send cuts the file and appends it to the table's topic.
func (l *Loads) send(ctx context.Context, run jobs.Run, u Upload, f *os.File, p plan, sum string) (sent, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return sent{}, err
	}
	out := &producer{
		ctx: ctx, log: l.cfg.Log, topic: ingest.TableTopic(run.Scope(), p.Contract.Table), got: sent{First: -1},
		base: map[string]string{
			ingest.HeaderTable: p.Contract.Table.String(), ingest.HeaderSource: source(sum),
			ingest.HeaderName: u.Name, ingest.HeaderSchema: p.Contract.Fingerprint(),
		},
	}
	var rows int64
	r := &counted{r: f, ctx: ctx, tell: func(n int64) {
		run.Progress(jobs.Progress{Step: "send", Done: n, Total: u.Size, Unit: "bytes"})
		if out.rows > rows {
			rows = out.rows
			run.Emit("rows", map[string]any{"rows": rows, "rejected": out.rejected, "bytes": n, "percent": 100 * float64(n) / float64(u.Size)})
		}
	}}
	stats, err := csv.Split(ctx, r, p.Dialect, p.Columns, u.Name, out)
	if err != nil {
		return sent{}, err
	}
	out.got.Stats = stats
	if out.got.First < 0 { // nothing but a header
		_, out.got.End, err = l.cfg.Log.Bounds(ctx, out.topic)
		out.got.First = out.got.End
	}
	return out.got, err
}

// producer appends what Split produces, numbered in order.
type producer struct {
	ctx            context.Context
	log            ingest.Log
	topic          string
	base           map[string]string
	seq            int64
	rows, rejected int64
	got            sent
}

func (p *producer) Chunk(c csv.Chunk) error {
	p.rows += int64(c.Rows)
	h := p.headers(ingest.FormatCSV, c.Line, c.Rows)
	if len(c.Skips) > 0 {
		h[ingest.HeaderSkips] = c.SkipsText()
	}
	return p.append(c.Data, h)
}

func (p *producer) Rejects(rejects []ingest.Reject) error {
	p.rejected += int64(len(rejects))
	var value []byte
	for _, r := range rejects {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if len(value)+len(line) > csv.ChunkSize { // escapes can make texts much longer
			if err := p.append(value, p.headers(ingest.FormatRejects, r.Line, 0)); err != nil {
				return err
			}
			value = value[:0]
		}
		value = append(append(value, line...), '\n')
	}
	return p.append(value, p.headers(ingest.FormatRejects, rejects[0].Line, len(rejects)))
}

func (p *producer) headers(f ingest.Format, line int64, rows int) map[string]string {
	p.seq++
	h := make(map[string]string, 10)
	for k, v := range p.base {
		h[k] = v
	}
	h[ingest.HeaderFormat] = string(f)
	h[ingest.HeaderSeq] = strconv.FormatInt(p.seq, 10)
	h[ingest.HeaderLine] = strconv.FormatInt(line, 10)
	h[ingest.HeaderRows] = strconv.Itoa(rows)
	return h
}

func (p *producer) append(value []byte, h map[string]string) error {
	off, err := p.log.Append(p.ctx, p.topic, ingest.Record{Value: value, Headers: h})
	if err != nil {
		return err
	}
	if p.got.First < 0 {
		p.got.First = off
	}
	p.got.End = off + 1
	return nil
}
