package oip

import (
	"encoding/binary"
	"math"
	"net/http"
	"strconv"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/serving"
	"aiforge.dev/forge/serving/admission"
	"aiforge.dev/forge/serving/fastjson"
	"aiforge.dev/forge/serving/predict"
	"aiforge.dev/forge/serving/router"
)

// jsonLength is the header that says how many bytes of a body are JSON, when binary
// tensors follow. In a compressed request it counts the bytes before compression.
const jsonLength = "Inference-Header-Content-Length"

// call is the memory of one request; it is used again.
type call struct {
	visit admission.Visit
	body  []byte
	req   request
	out   serving.Output
	ids   []string
	blobs []byte
}

func (s *Service) infer(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	scope, err := forge.ScopeFrom(r.Context())
	if err != nil {
		return err
	}
	c := s.pool.Get().(*call)
	defer func() {
		if cap(c.body) <= 1<<20 {
			s.pool.Put(c)
		}
	}()
	if err := s.cfg.Gate.Enter(scope, &c.visit); err != nil {
		return err
	}
	defer c.visit.Leave()
	if c.body, err = predict.ReadBody(r, &c.visit, c.body[:0], s.cfg.MaxBody); err != nil {
		return err
	}
	h, err := s.cfg.Deployments.Get(r.Context(), scope, r.PathValue("m")) // a slow body holds no model
	if err != nil {
		return err
	}
	defer h.Release()
	if err := SameVersion(h.Deployment, h.Package.Version, r.PathValue("v")); err != nil {
		return err
	}
	err = s.run(r, h, c)
	h.Count(time.Since(start), err != nil)
	if err != nil {
		return err
	}
	s.record(r, scope, h, c, start)
	return c.write(w, h)
}

func (s *Service) run(r *http.Request, h router.Handle, c *call) error {
	header := r.Header.Get(jsonLength)
	length, err := strconv.ParseInt(header, 10, 64)
	if header != "" && err != nil {
		return invalid("%s is %q; want the number of bytes of the JSON", jsonLength, header)
	}
	doc, blobs, err := split(c.body, header, length, header != "")
	if err != nil {
		return err
	}
	if err := c.req.read(doc, blobs, h.Signature, s.cfg.MaxRows); err != nil {
		return err
	}
	return h.Predictor.Predict(r.Context(), c.req.Batch, &c.out)
}

func (s *Service) record(r *http.Request, scope forge.Scope, h router.Handle, c *call, start time.Time) {
	c.ids = predict.PredictionIDs(c.ids[:0], c.req.N)
	if s.cfg.Observer == nil {
		return
	}
	p, _ := forge.PrincipalFrom(r.Context())
	a := predict.Answered{
		Handle: h, Batch: c.req.Batch, Output: c.out, IDs: c.ids, At: start, Latency: time.Since(start),
		Source: "oip", By: p.Name, RequestID: httpapi.RequestID(r.Context()),
	}
	if c.req.id != "" {
		a.Entities = Entities(c.req.id, c.req.N)
	}
	predict.Record(s.cfg.Observer, scope, a)
}

// Entities names the rows of a request by the caller's id: the id itself for a single
// row, ID/0, ID/1, … for several.
func Entities(id string, n int) []string {
	if n == 1 {
		return []string{id}
	}
	out := make([]string, n)
	for i := range out {
		out[i] = id + "/" + strconv.Itoa(i)
	}
	return out
}

// write sends the answer: JSON, then the outputs that are wanted in binary.
func (c *call) write(w http.ResponseWriter, h router.Handle) error {
	c.body, c.blobs = c.body[:0], c.blobs[:0]
	id := c.req.id
	if id == "" {
		id = c.ids[0]
	}
	b := fastjson.AppendString(append(c.body, `{"model_name":`...), h.Deployment)
	b = strconv.AppendInt(append(b, `,"model_version":"`...), int64(h.Package.Version), 10)
	b = fastjson.AppendString(append(b, `","id":`...), id)
	b = append(b, `,"outputs":[`...)
	for i, o := range c.req.outputs() {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.output(b, o)
	}
	c.body = append(b, "]}"...)
	w.Header().Set("Content-Type", "application/json")
	if len(c.blobs) > 0 {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set(jsonLength, strconv.Itoa(len(c.body)))
		c.body = append(c.body, c.blobs...)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(c.body)))
	_, err := w.Write(c.body)
	return err
}

// outputs is what was asked for: all, if nothing was.
func (q *request) outputs() []wanted {
	if len(q.wanted) == 0 {
		for _, t := range OutputInfo(q.sig) {
			q.wanted = append(q.wanted, wanted{name: t.Name})
		}
	}
	for i := range q.wanted {
		if !q.wanted[i].given {
			q.wanted[i].binary = q.binary
		}
	}
	return q.wanted
}

// output appends one output's description, with its data or the size of its binary
// data, which it appends to c.blobs.
func (c *call) output(b []byte, o wanted) []byte {
	b = fastjson.AppendString(append(b, `{"name":`...), o.name)
	b = append(b, `,"datatype":"`...)
	if o.name == "label" {
		b = append(b, `BYTES","shape":[`...)
		b = append(strconv.AppendInt(b, int64(c.req.N), 10), ']')
	} else {
		b = append(b, `FP32","shape":[`...)
		b = append(strconv.AppendInt(b, int64(c.req.N), 10), ',')
		b = append(strconv.AppendInt(b, int64(c.out.K), 10), ']')
	}
	if o.binary {
		before := len(c.blobs)
		c.binary(o)
		b = append(b, `,"parameters":{"binary_data_size":`...)
		return append(strconv.AppendInt(b, int64(len(c.blobs)-before), 10), "}}"...)
	}
	b = append(b, `,"data":[`...)
	if o.name == "label" {
		for i, s := range c.out.Labels {
			b = fastjson.AppendString(comma(b, i), s)
		}
	} else {
		for i, x := range c.out.Scores {
			b = fastjson.AppendFloat32(comma(b, i), x)
		}
	}
	return append(b, "]}"...)
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func (c *call) binary(o wanted) {
	le := binary.LittleEndian
	if o.name == "label" {
		for _, s := range c.out.Labels {
			c.blobs = append(le.AppendUint32(c.blobs, uint32(len(s))), s...)
		}
		return
	}
	for _, x := range c.out.Scores {
		c.blobs = le.AppendUint32(c.blobs, math.Float32bits(x))
	}
}
