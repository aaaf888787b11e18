package iceberg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/sqldb"
	ice "github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// Checked is what Check has seen of a table.
type Checked struct {
	Scope      forge.Scope
	Name       forge.TableName
	Properties map[string]string
	Snapshots  int
	Files      int   // data files of all snapshots, each once
	Bytes      int64 // of them
	Wrong      []string
}

func (c *Checked) wrong(format string, args ...any) {
	c.Wrong = append(c.Wrong, fmt.Sprintf(format, args...))
}

// Check looks at the tables of all projects in a warehouse folder that no server works
// on: whether their metadata can be read, and every file that a snapshot names is there
// once and with the size that was written. Nothing in the warehouse is changed, not even
// where it has been moved and New would write the metadata anew. db is a copy of the
// metadata store: its schema is brought up to date.
func Check(ctx context.Context, db *sqldb.DB, warehouse string) ([]Checked, error) {
	if err := db.Migrate(ctx, "lake_iceberg", migrations()); err != nil {
		return nil, err
	}
	t := &Tables{db: db, warehouse: warehouse, fs: localFS{root: warehouse, written: &pending{}, later: &removals{}}}
	all, err := t.places(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Checked, 0, len(all))
	for _, m := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := Checked{Scope: m.scope, Name: m.name}
		if err := m.place(); err != nil {
			c.wrong("%s", err)
		} else {
			m.check(&c)
		}
		out = append(out, c)
	}
	return out, nil
}

// check reads a table where its folder is now.
func (m *relocation) check(c *Checked) {
	raw, err := m.read(m.old.metadata)
	if err != nil {
		c.wrong("its metadata file %s cannot be read (%s)", m.path(m.old.metadata), why(err))
		return
	}
	meta, err := table.ParseMetadataBytes(raw)
	if err != nil {
		c.wrong("its metadata file %s is damaged (%v)", m.path(m.old.metadata), err)
		return
	}
	c.Properties = meta.Properties()
	known := map[int64]bool{}
	in := contents{m: m, c: c, files: map[string]ice.DataFile{}, read: map[string][]string{}}
	for _, s := range meta.Snapshots() {
		known[s.SnapshotID] = true
		c.Snapshots++
		in.snapshot(&s)
	}
	for name, ref := range meta.Refs() {
		if !known[ref.SnapshotID] {
			c.wrong("its reference %s names snapshot %d, which is not there", name, ref.SnapshotID)
		}
	}
	for uri, f := range in.files {
		c.Files++
		c.Bytes += f.FileSizeBytes()
		m.checkFile(uri, f, c)
	}
}

// contents are a table's data files. Snapshots share manifests: each is read once.
type contents struct {
	m     *relocation
	c     *Checked
	files map[string]ice.DataFile // by address
	read  map[string][]string     // addresses by manifest
}

// snapshot adds a snapshot's live data files.
func (in *contents) snapshot(s *table.Snapshot) {
	manifests, err := s.Manifests(whereNow{in.m})
	if err != nil {
		in.c.wrong("the manifest list of snapshot %d, %s, cannot be read (%s)", s.SnapshotID, in.m.path(s.ManifestList), why(err))
		return
	}
	seen := map[string]bool{}
	for _, mf := range manifests {
		for _, uri := range in.manifest(mf) {
			if seen[uri] {
				in.c.wrong("snapshot %d names data file %s twice, so its rows count twice", s.SnapshotID, in.m.path(uri))
			}
			seen[uri] = true
		}
	}
}

func (in *contents) manifest(mf ice.ManifestFile) []string {
	if uris, ok := in.read[mf.FilePath()]; ok {
		return uris
	}
	uris := []string{}
	for e, err := range mf.Entries(whereNow{in.m}, true) {
		if err != nil {
			in.c.wrong("manifest %s cannot be read (%s)", in.m.path(mf.FilePath()), why(err))
			break
		}
		uri := e.DataFile().FilePath()
		uris, in.files[uri] = append(uris, uri), e.DataFile()
	}
	in.read[mf.FilePath()] = uris
	return uris
}

// magic is what a Parquet file begins and ends with. A power cut can leave a file of the
// right size whose end was never written.
var magic = []byte("PAR1")

func (m *relocation) checkFile(uri string, f ice.DataFile, c *Checked) {
	path := m.path(uri)
	file, err := os.Open(path)
	if err != nil {
		c.wrong("data file %s cannot be read (%s)", path, why(err))
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		c.wrong("data file %s cannot be read (%s)", path, why(err))
		return
	}
	if info.Size() != f.FileSizeBytes() {
		c.wrong("data file %s has %d bytes, written were %d", path, info.Size(), f.FileSizeBytes())
		return
	}
	if f.FileFormat() != ice.ParquetFile {
		return
	}
	ends := make([]byte, 2*len(magic))
	_, err = file.ReadAt(ends[:len(magic)], 0)
	if err == nil {
		_, err = file.ReadAt(ends[len(magic):], info.Size()-int64(len(magic)))
	}
	if err != nil || !bytes.Equal(ends, bytes.Repeat(magic, 2)) {
		c.wrong("data file %s is no Parquet file any more", path)
	}
}

// whereNow opens files by the addresses that they had before the folder was moved.
type whereNow struct{ m *relocation }

func (w whereNow) Open(uri string) (icebergio.File, error) { return w.m.t.fs.Open(w.m.moved(uri)) }

func (whereNow) Remove(uri string) error {
	return forge.Errorf(forge.KindInternal, nil, "a check does not remove %s", uri)
}

// why is the cause without the path, which the finding names already.
func why(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it is cut"
	}
	return err.Error()
}
