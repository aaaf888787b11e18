//go:build servers

package iceberg_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/lake/iceberg"
	"aiforge.dev/forge/lake/laketest"
)

// s3 reads FORGE_TEST_S3, http://KEY:SECRET@HOST:PORT, whose bucket "lake" is there;
// each test has its own prefix and its own copies.
func s3(t testing.TB) (warehouse string, cfg iceberg.Config) {
	t.Helper()
	addr := os.Getenv("FORGE_TEST_S3")
	u, err := url.Parse(addr)
	if addr == "" || err != nil || u.User == nil {
		t.Fatal("FORGE_TEST_S3 is not set: want http://KEY:SECRET@HOST:PORT")
	}
	secret, _ := u.User.Password()
	cfg.S3 = iceberg.S3{Endpoint: u.Scheme + "://" + u.Host, AccessKey: u.User.Username(), SecretKey: secret, Copies: filepath.Join(t.TempDir(), "copies")}
	return "s3://lake/" + forge.NewID("test"), cfg
}

func TestTablesS3(t *testing.T) {
	laketest.TestTables(t, func(t testing.TB) lake.Tables {
		warehouse, cfg := s3(t)
		return laketest.Must(iceberg.New(laketest.DB(t), warehouse, cfg))
	})
}

// What one server writes, another with no copies of its own reads by its engine, also
// when only a few copies may stay.
func TestTwoServersS3(t *testing.T) {
	ctx, name, db := t.Context(), laketest.Name("clean.calls"), laketest.DB(t)
	warehouse, cfg := s3(t)
	one := &lake.House{Tables: laketest.Must(iceberg.New(db, warehouse, cfg)), Engine: laketest.Engine(t, duck.Config{})}
	for i := range 5 {
		q := lake.Query{SQL: "SELECT i AS id, 'row ' || i AS text FROM range(1000) r(i)"}
		if _, err := one.Write(ctx, laketest.Scope, name, q, nil, lake.Append, lake.Change{}); err != nil {
			t.Fatal(i, err)
		}
	}
	cfg.S3.Copies, cfg.S3.Bytes, cfg.S3.Keep = filepath.Join(t.TempDir(), "others"), 1, time.Nanosecond
	tables := laketest.Must(iceberg.New(db, warehouse, cfg))
	if files, _, err := tables.Files(ctx, laketest.Scope, name, 0); err != nil || laketest.RowsOf(files) != 5000 {
		t.Fatal(files, err)
	}
	cfg.S3.Bytes, cfg.S3.Keep = 0, 0
	two := &lake.House{Tables: laketest.Must(iceberg.New(db, warehouse, cfg)), Engine: one.Engine}
	res := laketest.Must(two.Query(ctx, laketest.Scope, lake.Query{SQL: "SELECT count(*), sum(id) FROM clean.calls"}, nil))
	if got := laketest.Must(lake.Collect(ctx, res)).Rows[0]; got[0] != int64(5000) || got[1] != int64(5*999*1000/2) {
		t.Errorf("the second server reads %v", got)
	}
	if err := two.Tables.Drop(ctx, laketest.Scope, name); err != nil {
		t.Fatal(err)
	}
}

// A wrong key, bucket or address is told at once and says what to look at.
func TestRefusedS3(t *testing.T) {
	warehouse, good := s3(t)
	for what, spoil := range map[string]func(w string, c *iceberg.S3) string{
		"secret": func(w string, c *iceberg.S3) string { c.SecretKey = "wrong"; return w },
		"bucket": func(w string, c *iceberg.S3) string { return "s3://no-such-bucket/x" },
		"port":   func(w string, c *iceberg.S3) string { c.Endpoint = "http://127.0.0.1:1"; return w },
	} {
		cfg := good
		w := spoil(warehouse, &cfg.S3)
		_, err := iceberg.New(laketest.DB(t), w, cfg)
		t.Log(what, err)
		laketest.WantKind(t, err, forge.KindUnavailable)
	}
}
