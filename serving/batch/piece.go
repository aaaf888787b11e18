package batch

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/columns"
	"aiforge.dev/forge/serving/predict"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// least is the fewest rows that are worth a goroutine.
const least = 512

// part is some rows with their answer.
type part struct {
	from, to int
	in       serving.Batch
	out      serving.Output
	err      error
}

// piece scores rec, whose first row is row first of all, and writes it.
func (j *job) piece(ctx context.Context, w Writer, rec arrow.RecordBatch, first int64) error {
	began := time.Now()
	bound, err := columns.Bind(j.plan.sig.Inputs, rec.Schema())
	if err != nil {
		return err
	}
	parts := cut(int(rec.NumRows()))
	var wg sync.WaitGroup
	for i := range parts {
		p := &parts[i]
		wg.Go(func() {
			if p.err = bound.Fill(rec, p.from, p.to, &p.in); p.err == nil {
				p.err = j.handle.Predictor.Predict(ctx, p.in, &p.out)
			}
		})
	}
	wg.Wait()
	for _, p := range parts {
		if p.err != nil {
			return forge.Errorf(forge.KindOf(p.err), p.err, "rows %d to %d: %s", first+int64(p.from)+1, first+int64(p.to), p.err.Error())
		}
	}
	scored, err := j.plan.record(rec, parts)
	if err != nil {
		return err
	}
	defer scored.Release()
	if err := w.Write(scored); err != nil {
		return err
	}
	return j.observe(ctx, rec, parts, first, time.Since(began))
}

// cut shares n rows among the cores.
func cut(n int) []part {
	count := max(1, min(runtime.GOMAXPROCS(0), n/least))
	out := make([]part, count)
	for i := range out {
		out[i].from, out[i].to = n*i/count, n*(i+1)/count
	}
	return out
}

// record joins the kept columns and the answers.
func (p plan) record(rec arrow.RecordBatch, parts []part) (arrow.RecordBatch, error) {
	var fields []arrow.Field
	var arrays []arrow.Array
	for _, k := range p.keep {
		at := rec.Schema().FieldIndices(k.Name)
		if len(at) != 1 {
			return nil, forge.Errorf(forge.KindInternal, nil, "column %q came %d times", k.Name, len(at))
		}
		fields, arrays = append(fields, rec.Schema().Field(at[0])), append(arrays, rec.Column(at[0]))
	}
	added := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(p.fields(), nil))
	defer added.Release()
	for _, x := range parts {
		for row := range x.in.N {
			p.append(added, x.out, row)
		}
	}
	more := added.NewRecordBatch()
	defer more.Release()
	fields, arrays = append(fields, p.fields()...), append(arrays, more.Columns()...)
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, rec.NumRows()), nil
}

// append adds one row's answer, in the order of fields.
func (p plan) append(b *array.RecordBuilder, out serving.Output, row int) {
	score := serving.Score(p.sig.ScoreOf(out, row))
	if len(p.sig.Classes) == 0 {
		b.Field(0).(*array.Float64Builder).Append(score)
	} else {
		b.Field(0).(*array.StringBuilder).Append(out.Labels[row])
	}
	b.Field(1).(*array.Float64Builder).Append(score)
	for k := range p.scores {
		b.Field(2 + k).(*array.Float64Builder).Append(serving.Score(out.Scores[row*out.K+k]))
	}
	at := 2 + len(p.scores)
	b.Field(at).(*array.StringBuilder).Append(p.sig.Model)
	b.Field(at + 1).(*array.Int32Builder).Append(int32(p.sig.Version))
	b.Field(at + 2).(*array.TimestampBuilder).Append(arrow.Timestamp(p.at.UnixMicro()))
}

// observe hands the rows to the prediction log, if that was asked for. Their ids
// follow from the job and the row: a chunk that is done again gives the same.
func (j *job) observe(ctx context.Context, rec arrow.RecordBatch, parts []part, first int64, took time.Duration) error {
	if j.args.Log == "" || j.cfg.Observer == nil {
		return nil
	}
	h := j.handle
	h.Deployment = j.args.Log
	ids, times := j.column(rec, j.args.ID), j.times(rec)
	for _, p := range parts {
		a := predict.Answered{Handle: h, Batch: p.in, Output: p.out, At: j.model.At, Latency: took / time.Duration(max(1, rec.NumRows())), Source: "batch", By: forge.By(ctx), RequestID: j.run.ID()}
		for i := p.from; i < p.to; i++ {
			a.IDs = append(a.IDs, j.run.ID()+"_"+strconv.FormatInt(first+int64(i), 10))
			if ids != nil {
				text, _ := ids(i)
				a.Entities = append(a.Entities, text)
			}
			if times != nil {
				a.EventTimes = append(a.EventTimes, times(i))
			}
		}
		predict.Record(j.cfg.Observer, j.scope, a)
	}
	return nil
}

func (j *job) column(rec arrow.RecordBatch, name string) func(int) (string, bool) {
	at := rec.Schema().FieldIndices(name)
	if name == "" || len(at) == 0 {
		return nil
	}
	return columns.Text(rec.Column(at[0]))
}

// times reads the column of event times; text is read as RFC 3339, and what is no
// time counts as not said.
func (j *job) times(rec arrow.RecordBatch) func(int) time.Time {
	at := rec.Schema().FieldIndices(j.args.EventTime)
	if j.args.EventTime == "" || len(at) == 0 {
		return nil
	}
	return columns.Time(rec.Column(at[0]))
}
