package iceberg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	icebergio "github.com/apache/iceberg-go/io"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // the s3 scheme, and no other cloud
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
)

// S3 says how a warehouse at s3://BUCKET/PREFIX is reached. Empty fields are left to
// the AWS SDK, which knows a machine's own role and region.
type S3 struct {
	Endpoint  string // http(s)://HOST:PORT of a store that is not Amazon's
	AccessKey string
	SecretKey string
	Region    string

	// Copies is the folder of local copies, where new files are written as well. No
	// other process may use it. Needed.
	Copies string
	// Bytes bounds the copies; 0 means 64 GiB. What was used within Keep (0: one
	// hour) stays even so.
	Bytes int64
	Keep  time.Duration
}

func (c S3) properties() map[string]string {
	p := map[string]string{icebergio.S3ConnectTimeout: "10"}
	set := func(key, value string) {
		if value != "" {
			p[key] = value
		}
	}
	set(icebergio.S3AccessKeyID, c.AccessKey)
	set(icebergio.S3SecretAccessKey, c.SecretKey)
	set(icebergio.S3Region, c.Region)
	if c.Endpoint != "" {
		p[icebergio.S3EndpointURL] = c.Endpoint
		p[icebergio.S3CompatMode] = "true" // many stores refuse newer checksum headers
		if c.Region == "" {
			p[icebergio.S3Region] = "us-east-1" // they want one and do not care which
		}
	}
	return p
}

// remoteFS is what iceberg-go's S3 files can do.
type remoteFS interface {
	icebergio.WriteFileIO
	icebergio.ListableIO
	icebergio.RemoveAllIO
}

// mirror is a warehouse in an object store with copies on the local disk. Every file
// goes through its copy, written as well as read: the object store is asked for a file
// at most once while the copy lasts.
type mirror struct {
	remote remoteFS
	root   string // s3://bucket/prefix
	dir    string // of the copies
	copies *copies
	calls  singleflight.Group
}

var _ storage = (*mirror)(nil)

// openS3 opens the warehouse and tries that it can be written.
func openS3(ctx context.Context, warehouse string, c S3, now func() time.Time) (*mirror, error) {
	m, err := newMirror(warehouse, c, now)
	if err != nil {
		return nil, err
	}
	files, err := icebergio.LoadFS(context.WithoutCancel(ctx), c.properties(), m.root+"/x") // it keeps the context
	if err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "warehouse %s cannot be opened", warehouse)
	}
	var ok bool
	if m.remote, ok = files.(remoteFS); !ok {
		return nil, fmt.Errorf("iceberg: %T cannot list", files)
	}
	return m, m.try(ctx, c)
}

func (c S3) check(warehouse string) error {
	u, err := url.Parse(warehouse)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return forge.Errorf(forge.KindInvalid, err, "warehouse %q: want s3://BUCKET/PREFIX", warehouse)
	}
	if e, err := url.Parse(c.Endpoint); c.Endpoint != "" && (err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "") {
		return forge.Errorf(forge.KindInvalid, err, "S3 endpoint %q: want http://HOST:PORT or https://HOST", c.Endpoint)
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		return forge.Errorf(forge.KindInvalid, nil, "the S3 access key and the secret key belong together: give both or neither")
	}
	if c.Copies == "" {
		return forge.Errorf(forge.KindInvalid, nil, "warehouse %s needs a local folder for copies", warehouse)
	}
	return nil
}

// newMirror makes a mirror that has no remote yet.
func newMirror(warehouse string, c S3, now func() time.Time) (*mirror, error) {
	if err := c.check(warehouse); err != nil {
		return nil, err
	}
	if c.Bytes == 0 {
		c.Bytes = 64 << 30
	}
	if c.Keep == 0 {
		c.Keep = time.Hour
	}
	dir, err := filepath.Abs(c.Copies)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	m := &mirror{root: strings.TrimRight(warehouse, "/"), dir: dir}
	if err == nil {
		m.copies, err = openCopies(dir, c.Bytes, c.Keep, now)
	}
	if err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "the folder %s for copies of the warehouse cannot be used", c.Copies)
	}
	return m, nil
}

// try writes and removes an object, so that a wrong bucket or key is found when the
// server starts and not when the first row arrives.
func (m *mirror) try(ctx context.Context, c S3) error {
	name := m.root + "/." + forge.NewID("try")
	err := within(ctx, func() error { return errors.Join(m.remote.WriteFile(name, []byte("forge")), m.remote.Remove(name)) })
	if err == nil {
		return nil
	}
	where := c.Endpoint
	if where == "" {
		where = "Amazon S3"
	}
	return forge.Errorf(forge.KindUnavailable, err, "warehouse %s at %s cannot be written: is the bucket there, and are key, secret and region right?", m.root, where)
}

// within returns when f does or ctx ends; iceberg-go's files take no context.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *mirror) uri(p string) string {
	if rest, ok := strings.CutPrefix(p, m.dir); ok {
		return m.root + filepath.ToSlash(rest)
	}
	return p
}

func (m *mirror) path(u string) string {
	for _, same := range []string{"s3a://", "s3n://"} { // as Spark spells it
		if rest, ok := strings.CutPrefix(u, same); ok {
			u = "s3://" + rest
		}
	}
	if rest, ok := strings.CutPrefix(u, m.root); ok && (rest == "" || rest[0] == '/') {
		return m.dir + filepath.FromSlash(rest)
	}
	return u
}

func (m *mirror) unique() bool { return true }

func (m *mirror) settle(string) error { return nil } // an object is durable when it is there

// Open opens the copy of a file, which it fetches if need be.
func (m *mirror) Open(name string) (icebergio.File, error) {
	p := m.path(name)
	if p == name && strings.Contains(name, "://") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	for range 3 { // it may be evicted between the two
		if err := m.fetch(p, 0); err != nil {
			return nil, err
		}
		f, err := os.Open(p)
		if !errors.Is(err, os.ErrNotExist) {
			return f, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// fetch makes the copy of one file; several callers share one download.
func (m *mirror) fetch(p string, size int64) error {
	if m.copies.have(p, size) {
		return nil
	}
	_, err, _ := m.calls.Do(p, func() (any, error) {
		if m.copies.have(p, size) {
			return nil, nil
		}
		return nil, m.download(p, size)
	})
	return err
}

func (m *mirror) download(p string, size int64) error {
	in, err := m.remote.Open(m.uri(p))
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	tmp := filepath.Join(filepath.Dir(p), partial+forge.NewID(filepath.Base(p)))
	out, err := makeFile(tmp)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	err = errors.Join(err, out.Sync(), out.Close())
	if err == nil && size > 0 && n != size {
		err = fmt.Errorf("%s: %d bytes, want %d: %w", m.uri(p), n, size, io.ErrUnexpectedEOF)
	}
	if err == nil {
		err = os.Rename(tmp, p)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return err
	}
	m.copies.add(p, n)
	return nil
}

// get fetches what is missing, a few files at a time.
func (m *mirror) get(ctx context.Context, files []lake.DataFile) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, f := range files {
		if m.copies.have(f.Path, f.Size) {
			continue
		}
		g.Go(func() error { return within(ctx, func() error { return m.fetch(f.Path, f.Size) }) })
	}
	return g.Wait()
}

// put uploads files. One that went up before, for a commit that had to start again,
// is not sent twice.
func (m *mirror) put(ctx context.Context, files []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, p := range files {
		if m.copies.stored(p) {
			continue
		}
		g.Go(func() error { return within(ctx, func() error { return m.upload(p) }) })
	}
	return g.Wait()
}

func (m *mirror) upload(p string) error {
	in, err := os.Open(p)
	if err != nil {
		return err
	}
	defer in.Close()                  //nolint:errcheck // only read
	if err := in.Sync(); err != nil { // a copy outlives a loss of power whole or not at all
		return err
	}
	out, err := m.remote.Create(m.uri(p))
	if err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	m.copies.add(p, n)
	return nil
}

// Create makes a file that is in the object store when Close returns.
func (m *mirror) Create(name string) (icebergio.FileWriter, error) {
	f, err := makeFile(m.path(name))
	if err != nil {
		return nil, err
	}
	return &mirrored{m: m, f: f}, nil
}

func (m *mirror) WriteFile(name string, data []byte) error {
	f, err := m.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// Remove removes a file and its copy.
func (m *mirror) Remove(name string) error {
	m.copies.remove(m.path(name))
	return m.remote.Remove(name)
}

func (m *mirror) walk(dir string, f func(string, fs.FileInfo) error) error {
	err := m.remote.WalkDir(m.uri(dir), func(u string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return f(m.path(u), info)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (m *mirror) drop(dir string) error {
	err := m.remote.RemoveAll(m.uri(dir))
	m.copies.remove(dir)
	return errors.Join(err, os.RemoveAll(dir))
}

// mirrored is a file on its way into the object store.
type mirrored struct {
	m      *mirror
	f      *os.File
	closed bool
	failed error
}

func (w *mirrored) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	w.failed = errors.Join(w.failed, err)
	return n, err
}

func (w *mirrored) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.f, r)
	w.failed = errors.Join(w.failed, err)
	return n, err
}

// Close sends the file, unless a write failed.
func (w *mirrored) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	err := errors.Join(w.failed, w.f.Close())
	if err == nil {
		err = w.m.upload(w.f.Name())
	}
	if err != nil {
		_ = os.Remove(w.f.Name())
	}
	return err
}
