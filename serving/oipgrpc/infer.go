package oipgrpc

import (
	"context"
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/oip"
	"aiforge.dev/forge/serving/predict"
	"aiforge.dev/forge/serving/router"
	"google.golang.org/protobuf/encoding/protowire"
)

// inference is the memory of a ModelInfer.
type inference struct {
	req            request
	out            serving.Output
	ids            []string
	tensor, values []byte
}

func (s *Service) modelInfer(ctx context.Context, c *call) error {
	start := time.Now()
	scope, err := forge.ScopeFrom(ctx)
	if err != nil {
		return err
	}
	x := &c.infer
	if err := x.req.scan(c.body); err != nil {
		return err
	}
	h, err := s.cfg.Deployments.Get(ctx, scope, x.req.name)
	if err != nil {
		return err
	}
	defer h.Release()
	if err := oip.SameVersion(h.Deployment, h.Package.Version, x.req.version); err != nil {
		return err
	}
	if err = x.req.fill(h.Signature, s.cfg.MaxRows); err == nil {
		err = h.Predictor.Predict(ctx, x.req.Batch, &x.out)
	}
	h.Count(time.Since(start), err != nil)
	if err != nil {
		return err
	}
	x.ids = predict.PredictionIDs(x.ids[:0], x.req.N)
	s.record(ctx, scope, h, x, start)
	c.answer = x.append(c.answer, h)
	return nil
}

func (s *Service) record(ctx context.Context, scope forge.Scope, h router.Handle, x *inference, start time.Time) {
	if s.cfg.Observer == nil {
		return
	}
	a := predict.Answered{
		Handle: h, Batch: x.req.Batch, Output: x.out, IDs: x.ids, At: start, Latency: time.Since(start),
		Source: "grpc", By: forge.By(ctx), RequestID: httpapi.RequestID(ctx),
	}
	if x.req.id != "" {
		a.Entities = oip.Entities(x.req.id, x.req.N)
	}
	predict.Record(s.cfg.Observer, scope, a)
}

// append writes the ModelInferResponse: raw if the request was, else by type.
func (x *inference) append(b []byte, h router.Handle) []byte {
	id := x.req.id
	if id == "" {
		id = x.ids[0]
	}
	b = appendText(b, 1, h.Deployment)
	b = appendText(b, 2, strconv.Itoa(h.Package.Version))
	b = appendText(b, 3, id)
	raw := len(x.req.raw) > 0
	for _, o := range x.req.wanted {
		x.tensor = appendText(x.tensor[:0], 1, o.Name)
		x.tensor = appendText(x.tensor, 2, o.Datatype)
		if o.Datatype == "BYTES" {
			x.tensor = appendInts(x.tensor, 3, int64(x.req.N))
		} else {
			x.tensor = appendInts(x.tensor, 3, int64(x.req.N), int64(x.out.K))
		}
		if !raw {
			x.typed(o)
			x.tensor = appendBytes(x.tensor, 5, x.values)
		}
		b = appendBytes(b, 5, x.tensor)
	}
	if raw {
		for _, o := range x.req.wanted {
			x.binary(o)
			b = appendBytes(b, 6, x.values)
		}
	}
	return b
}

// typed leaves an InferTensorContents in x.values.
func (x *inference) typed(o oip.TensorInfo) {
	x.values = x.values[:0]
	if o.Datatype == "BYTES" {
		for _, s := range x.out.Labels {
			x.values = protowire.AppendString(protowire.AppendTag(x.values, 8, protowire.BytesType), s)
		}
		return
	}
	x.values = protowire.AppendVarint(protowire.AppendTag(x.values, 6, protowire.BytesType), uint64(4*len(x.out.Scores)))
	for _, v := range x.out.Scores {
		x.values = protowire.AppendFixed32(x.values, math.Float32bits(v))
	}
}

// binary leaves an output's bytes in x.values.
func (x *inference) binary(o oip.TensorInfo) {
	x.values = x.values[:0]
	if o.Datatype == "BYTES" {
		for _, s := range x.out.Labels {
			x.values = append(binary.LittleEndian.AppendUint32(x.values, uint32(len(s))), s...)
		}
		return
	}
	for _, v := range x.out.Scores {
		x.values = binary.LittleEndian.AppendUint32(x.values, math.Float32bits(v))
	}
}
