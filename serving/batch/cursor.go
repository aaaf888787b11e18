package batch

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// cursor cuts a reader's batches at the borders of chunks.
type cursor struct {
	reader Reader
	at     int64             // rows handed out
	batch  arrow.RecordBatch // the reader's; not ours to release
	used   int64             // rows of batch that were handed out
}

// next returns at most max rows, to be released; io.EOF at the end. They are valid
// until the following call.
func (c *cursor) next(ctx context.Context, max int64) (arrow.RecordBatch, error) {
	for c.batch == nil || c.used == c.batch.NumRows() {
		b, err := c.reader.Next(ctx)
		if err != nil {
			c.batch = nil
			return nil, err
		}
		c.batch, c.used = b, 0
	}
	n := min(max, c.batch.NumRows()-c.used)
	s := c.batch.NewSlice(c.used, c.used+n)
	c.used += n
	c.at += n
	return s, nil
}
