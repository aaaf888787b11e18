package onnx

import (
	"context"
	"math"
	"runtime"
	"strings"
	"sync"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/modelpkg"
	"aiforge.dev/forge/serving"
	ort "github.com/yalue/onnxruntime_go"
)

// piece is the most rows of one run: it bounds the runtime's memory, and how long a
// cancelled call goes on.
const piece = 4096

type predictor struct {
	slots   chan struct{}
	session *ort.DynamicAdvancedSession
	sig     serving.Signature
	inputs  []string
	outputs []string // scores (or value), then label
	k       int
	labels  bool
	single  chan *call // idle calls of one row

	mu     sync.RWMutex // held for reading while a run is under way
	closed bool
}

func newPredictor(slots chan struct{}, session *ort.DynamicAdvancedSession, m modelpkg.Manifest) *predictor {
	p := &predictor{
		slots: slots, session: session, outputs: outputNames(m), k: 1, labels: m.Task != modelpkg.Regression,
		sig:    serving.Signature{Task: m.Task, Classes: m.Classes, Positive: m.Positive},
		single: make(chan *call, 2*runtime.GOMAXPROCS(0)),
	}
	if p.labels {
		p.k = len(m.Classes)
	}
	for _, in := range m.Inputs {
		p.inputs = append(p.inputs, in.Name)
		p.sig.Inputs = append(p.sig.Inputs, serving.Input{Name: in.Name, Type: in.Type, View: in.View, Version: in.Version, Feature: in.Feature})
	}
	return p
}

func (p *predictor) Signature() serving.Signature { return p.sig }

// warm runs one row of missing values.
func (p *predictor) warm() error {
	in := serving.NewBatch(p.sig.Inputs, 1)
	var out serving.Output
	if err := p.Predict(context.Background(), in, &out); err != nil {
		return forge.Errorf(forge.KindInvalid, err, "%s of the model package loads but cannot answer one row of missing values", modelpkg.ModelFile)
	}
	return nil
}

// Predict answers in's rows; it runs them in pieces and stops between two when ctx
// ends.
func (p *predictor) Predict(ctx context.Context, in serving.Batch, out *serving.Output) error {
	if err := p.check(in); err != nil {
		return err
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return forge.Errorf(forge.KindUnavailable, nil, "this model has been unloaded")
	}
	out.Reset(in.N, p.k, p.labels)
	for from := 0; from < in.N; from += piece {
		if err := p.slot(ctx); err != nil {
			return err
		}
		err := p.run(in, from, min(from+piece, in.N), out)
		<-p.slots
		if err != nil {
			return err
		}
	}
	return p.finite(out)
}

func (p *predictor) slot(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *predictor) run(in serving.Batch, from, to int, out *serving.Output) error {
	c, err := p.acquire(to - from)
	if err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "the model cannot take %d rows now", to-from)
	}
	err = c.run(p, in, from, out)
	if err != nil {
		c.destroy()
		return forge.Errorf(forge.KindInvalid, err, "the model cannot compute an answer for these %d rows", to-from)
	}
	p.release(c)
	return nil
}

// acquire takes an idle call of one row, or makes a call of n rows.
func (p *predictor) acquire(n int) (*call, error) {
	if n == 1 {
		select {
		case c := <-p.single:
			return c, nil
		default:
		}
	}
	return newCall(p, n)
}

func (p *predictor) release(c *call) {
	if c.n == 1 {
		select {
		case p.single <- c:
			return
		default:
		}
	}
	c.destroy()
}

// check refuses a batch that does not have the model's shape; the codecs build none,
// but the runtime would read beyond a short slice.
func (p *predictor) check(in serving.Batch) error {
	if len(in.Columns) != len(p.inputs) {
		return forge.Errorf(forge.KindInvalid, nil, "the model takes %d inputs, got %d", len(p.inputs), len(in.Columns))
	}
	for i, want := range p.sig.Inputs {
		have := len(in.Columns[i].Floats)
		if want.Type == serving.String {
			have = len(in.Columns[i].Strings)
		}
		if have != in.N {
			return forge.Errorf(forge.KindInvalid, nil, "input %q has %d values of type %s, want %d", want.Name, have, want.Type, in.N)
		}
		for row, s := range in.Columns[i].Strings {
			if strings.IndexByte(s, 0) >= 0 { // the runtime takes C strings and would cut it there
				return forge.Errorf(forge.KindInvalid, nil, "input %q, row %d: the text holds a zero byte, which the model cannot be given", want.Name, row)
			}
		}
	}
	return nil
}

// finite refuses an answer that JSON and tables cannot hold and that means nothing.
func (p *predictor) finite(out *serving.Output) error {
	for i, x := range out.Scores {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return forge.Errorf(forge.KindInvalid, nil, "the model answered %v for row %d: its input is outside of what the model can take", f, i/p.k)
		}
	}
	return nil
}

// Close waits for running calls and gives the model's memory back.
func (p *predictor) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	for {
		select {
		case c := <-p.single:
			c.destroy()
			continue
		default:
		}
		break
	}
	err := p.session.Destroy()
	trim()
	return err
}
