package iceberg

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"
)

// rewriteAvro writes an Avro file again with every record changed by f. The header
// keeps its schema text, with Iceberg's field ids, and its other properties. Values of
// logical types (decimals, dates, uuids) are read and written as the plain types below
// them, so that nothing is converted on the way.
func rewriteAvro(raw []byte, f func(record map[string]any) error) ([]byte, error) {
	var plain *avro.Schema
	r, err := ocf.NewReader(bytes.NewReader(raw), ocf.WithReaderSchemaFunc(func(r *ocf.Reader) (s *avro.Schema, err error) {
		plain, err = withoutLogical(r.Metadata()["avro.schema"])
		return plain, err
	}))
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	codec, err := codecOf(string(r.Metadata()["avro.codec"]))
	if err != nil {
		return nil, err
	}
	more := map[string][]byte{}
	for k, v := range r.Metadata() {
		if k != "avro.schema" && k != "avro.codec" {
			more[k] = v
		}
	}
	var out bytes.Buffer
	w, err := ocf.NewWriter(&out, plain, ocf.WithSchema(string(r.Metadata()["avro.schema"])), ocf.WithMetadata(more), codec)
	if err != nil {
		return nil, err
	}
	for {
		var record map[string]any
		if err := r.Decode(&record); errors.Is(err, io.EOF) {
			err := w.Close()
			return out.Bytes(), err
		} else if err != nil {
			return nil, err
		}
		if err := errors.Join(f(record), w.Encode(record)); err != nil {
			return nil, err
		}
	}
}

func codecOf(name string) (ocf.WriterOpt, error) {
	switch name {
	case "", "null":
		return ocf.WithBlockCount(0), nil
	case "deflate":
		return ocf.WithCodec(ocf.DeflateCodec(-1)), nil
	case "snappy":
		return ocf.WithCodec(ocf.SnappyCodec()), nil
	case "zstandard":
		c, err := ocf.ZstdCodec(nil, nil)
		return ocf.WithCodec(c), err
	}
	return nil, errors.New("compression " + name + " is not known")
}

// withoutLogical parses a schema as if it had no logical types.
func withoutLogical(text []byte) (*avro.Schema, error) {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, err
	}
	strip(v)
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return avro.Parse(string(b))
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "logicalType")
		for _, x := range v {
			strip(x)
		}
	case []any:
		for _, x := range v {
			strip(x)
		}
	}
}
