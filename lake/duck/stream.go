package duck

import (
	"bytes"
	"errors"
	"io"

	"aiforge.dev/forge/lake"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A worker that runs a user's SQL may be anybody's by now: whatever it writes must not
// bring the server down. arrow-go 18.8 trusts a stream too much for that. It takes the
// memory that a schema or a message promises, and a process without memory is gone; it
// gives out texts whose ends lie outside their buffer.

// maxBatch is the most bytes of one Arrow batch: a chunk of DuckDB's with all the text
// that is let through, and its numbers.
const maxBatch = 1 << 30

var errUnsound = errors.New("duck: the worker's answer is not what it says")

// openStream reads a worker's Arrow stream, which must begin with the very bytes that
// the header's schema gives; nothing else is read as a schema.
func openStream(r io.Reader, schema lake.Schema) (*ipc.Reader, error) {
	want, err := schema.Arrow()
	if err != nil {
		return nil, err
	}
	begin, err := schemaMessage(want)
	if err != nil {
		return nil, err
	}
	got := make([]byte, len(begin))
	if _, err := io.ReadFull(r, got); err != nil {
		return nil, err
	}
	if !bytes.Equal(got, begin) {
		return nil, errUnsound
	}
	limits := []ipc.Option{ipc.WithBodySizeLimit(maxBatch), ipc.WithAllocator(bounded{memory.DefaultAllocator})}
	// ipc.NewReader would leave the limits out.
	messages := ipc.NewMessageReader(io.MultiReader(bytes.NewReader(begin), r), limits...)
	return ipc.NewReaderFromMessageReader(messages, limits...)
}

// schemaMessage is how a stream of the schema begins.
func schemaMessage(s *arrow.Schema) ([]byte, error) {
	var b bytes.Buffer
	if err := ipc.NewWriter(&b, ipc.WithSchema(s)).Close(); err != nil {
		return nil, err
	}
	return b.Bytes()[:b.Len()-endOfStream], nil
}

// endOfStream is the length of the mark that ends a stream.
const endOfStream = 8

// bounded refuses to take more memory at once than a batch can need. The panic ends in
// the error of the reader, which catches it.
type bounded struct{ memory.Allocator }

func (b bounded) Allocate(n int) []byte {
	check(n)
	return b.Allocator.Allocate(n)
}

func (b bounded) Reallocate(n int, old []byte) []byte {
	check(n)
	return b.Allocator.Reallocate(n, old)
}

func check(n int) {
	if n > 2*maxBatch {
		panic(errUnsound)
	}
}

// sound checks that every value of a batch lies within it.
func sound(batch arrow.RecordBatch) error {
	for _, col := range batch.Columns() {
		if err := soundColumn(col); err != nil {
			return err
		}
	}
	return nil
}

func soundColumn(col arrow.Array) error {
	if ext, ok := col.(array.ExtensionArray); ok {
		return soundColumn(ext.Storage())
	}
	data := col.Data()
	bits := data.Offset() + data.Len()
	if short(data.Buffers()[0], bits) {
		return errUnsound
	}
	if t, ok := col.DataType().(arrow.FixedWidthDataType); ok && data.Len() > 0 {
		if values := data.Buffers()[1]; values == nil || short(values, bits*t.BitWidth()) {
			return errUnsound
		}
	}
	if col.DataType().ID() == arrow.STRING || col.DataType().ID() == arrow.BINARY {
		return soundTexts(data)
	}
	return nil
}

// soundTexts checks the places where the texts of a column begin and end. The arrays'
// own ValidateFull panics where an end lies outside.
func soundTexts(data arrow.ArrayData) error {
	if data.Len() == 0 {
		return nil
	}
	ends, texts := data.Buffers()[1], data.Buffers()[2]
	last := data.Offset() + data.Len()
	if ends == nil || short(ends, (last+1)*32) {
		return errUnsound
	}
	size := 0
	if texts != nil {
		size = texts.Len()
	}
	before := int32(0)
	for _, end := range arrow.Int32Traits.CastFromBytes(ends.Bytes())[data.Offset() : last+1] {
		if end < before {
			return errUnsound
		}
		before = end
	}
	if int(before) > size {
		return errUnsound
	}
	return nil
}

// short reports whether a buffer that is there has fewer bits.
func short(b *memory.Buffer, bits int) bool { return b != nil && b.Len()*8 < bits }
