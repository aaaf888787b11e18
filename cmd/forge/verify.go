package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/diskio"
	"aiforge.dev/forge/internal/keyset"
	"aiforge.dev/forge/internal/sqldb"
)

// verifyCmd looks at everything in a data folder that no server works on, and changes
// nothing in it.
type verifyCmd struct{ Config }

// verdict is what the command prints with --json.
type verdict struct {
	OK     bool    `json:"ok"`
	Checks []check `json:"checks"`
}

// check is one line of the verdict.
type check struct {
	What  string `json:"what" doc:"The part of the folder, or the thing in it"`
	State string `json:"state" enum:"ok,wrong,note"`
	Text  string `json:"text" doc:"What was seen, or what is wrong and what to do"`
}

// Answer implements cli.Answerer.
func (*verifyCmd) Answer() any { return verdict{} }

func (c *verifyCmd) Run(e *cli.Env) error {
	c.Data = e.Data
	if err := c.Validate(); err != nil {
		return err
	}
	checks, err := verify(e.Ctx, &c.Config)
	if err != nil {
		return err
	}
	out, wrong := verdict{OK: true, Checks: checks}, 0
	rows := make([][]string, 0, len(checks))
	for _, x := range checks {
		if x.State == "wrong" {
			out.OK = false
			wrong++
		}
		rows = append(rows, []string{x.State, x.What, x.Text})
	}
	if e.JSON {
		err = e.PrintJSON(out)
	} else {
		e.Table([]string{"STATE", "WHAT", "TEXT"}, rows)
	}
	if err == nil && wrong > 0 {
		err = forge.Errorf(forge.KindInternal, nil, "data folder %s does not verify, %d found wrong: keep a copy of it before anything is mended or restored", c.Data, wrong)
	}
	return err
}

// verify looks at a data folder; an error says why it could not be looked at.
func verify(ctx context.Context, cfg *Config) ([]check, error) {
	if !Embedded(cfg.Metadata) {
		return nil, forge.Errorf(forge.KindInvalid, nil, "the metadata is in PostgreSQL (%s), which forge verify does not read: it looks at folders that hold their metadata themselves", hidePassword(cfg.Metadata))
	}
	if _, err := os.Stat(cfg.path("meta.db")); err != nil {
		return nil, forge.Errorf(forge.KindNotFound, err, "%s is no data folder with metadata in it: give another with --data, or restore a backup into an empty one", cfg.Data)
	}
	if _, err := os.Stat(cfg.path("forge.key")); err != nil { // opening it would make a new one
		return nil, forge.Errorf(forge.KindNotFound, err, "data folder %s has no forge.key, without which nothing in it can be read: put it back, or restore a backup", cfg.Data)
	}
	unlock, err := lockFolder(cfg.Data)
	if err != nil {
		return nil, err
	}
	defer unlock() //nolint:errcheck // only read
	have, err := mayRead(cfg.Data, dataFormat, version)
	if err != nil {
		return nil, err
	}
	keys, err := keyset.Open(cfg.path("forge.key"))
	if err != nil {
		return nil, err
	}
	v := inspection{cfg: cfg, keys: keys, copies: cfg.path("tmp", forge.NewID("verify"))}
	if err := os.MkdirAll(v.copies, 0o700); err != nil {
		return nil, forge.Errorf(forge.KindUnavailable, err, "data folder %s has no room for a copy of its metadata, which is what is looked at", cfg.Data)
	}
	defer os.RemoveAll(v.copies) //nolint:errcheck // the next start empties tmp
	v.add("ok", "format", "%d, worked on by forge %s", max(have.Format, 1), cmp.Or(have.Forge, "of the first release"))
	err = v.all(ctx)
	return v.checks, err
}

// inspection gathers the checks. What opening changes is opened as a copy.
type inspection struct {
	cfg    *Config
	keys   *keyset.Keyset
	db     *sqldb.DB
	copies string
	checks []check
}

func (v *inspection) add(state, what, format string, args ...any) {
	v.checks = append(v.checks, check{what, state, fmt.Sprintf(format, args...)})
}

// sum adds the line of a part that has been looked at.
func (v *inspection) sum(what string, wrong int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if wrong > 0 {
		v.add("note", what, "%s; %d wrong", text, wrong)
		return
	}
	v.add("ok", what, "%s", text)
}

func (v *inspection) all(ctx context.Context) error {
	if err := v.audit(ctx); err != nil {
		return err
	}
	v.predictions()
	if !v.metadata(ctx) {
		return ctx.Err()
	}
	err := errors.Join(v.tables(ctx), v.models(ctx), v.uploads(ctx))
	return errors.Join(err, v.db.Close())
}

// metadata opens a copy of the metadata store; without it nothing else can be looked at.
func (v *inspection) metadata(ctx context.Context) bool {
	to := filepath.Join(v.copies, "meta.db")
	err := v.openCopy(ctx, to)
	if err == nil {
		return true
	}
	v.add("wrong", "metadata", "meta.db cannot be read (%s): restore a backup; tables, models and uploads were not looked at", err)
	return false
}

func (v *inspection) openCopy(ctx context.Context, to string) error {
	for _, suffix := range []string{"", "-wal"} { // the journal of a server that was killed belongs to it
		if _, err := diskio.Copy(v.cfg.path("meta.db"+suffix), to+suffix, diskio.All); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	db, err := sqldb.Open(ctx, "sqlite:"+to, v.keys.Derive("metadata", 64))
	if err != nil {
		return err
	}
	text, err := "", db.Claim(ctx, dataFormat, version)
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&text)
	}
	if err == nil && text != "ok" {
		err = errors.New(text)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	v.db = db
	v.add("ok", "metadata", "whole")
	return nil
}

// audit walks the chain of a copy: opening a log takes an unfinished last line off.
func (v *inspection) audit(ctx context.Context) error {
	const cure = "restore a backup beside it and compare; docs/operations.md says what the chain proves"
	to := filepath.Join(v.copies, "audit")
	if err := copyAudit(v.cfg.path("audit"), to); err != nil {
		v.add("wrong", "audit", "the log cannot be read (%s): %s", err, cure)
		return nil
	}
	log, err := audit.Open(to, v.keys.Derive("audit log", 32), audit.Config{})
	if err != nil {
		v.add("wrong", "audit", "%s: %s", err, cure)
		return nil
	}
	defer log.Close() //nolint:errcheck // a copy
	out, err := log.Verify(ctx)
	switch {
	case err != nil:
		return err
	case !out.OK:
		v.add("wrong", "audit", "the chain is broken at entry %d: %s: %s", out.BrokenAt, out.Reason, cure)
	default:
		v.add("ok", "audit", "%d entries, unbroken", out.Entries)
	}
	return nil
}

// copyAudit takes the log's files; full segments never change, so a link does.
func copyAudit(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if len(entries) == 0 { // opening it would begin a new log; the first start makes a head
		return errors.New("its folder is empty")
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	last := ""
	for _, e := range entries { // in the order of their names
		if strings.HasSuffix(e.Name(), ".log") {
			last = e.Name()
		}
	}
	for _, e := range entries {
		a, b := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if strings.HasSuffix(a, ".log") && e.Name() != last && os.Link(a, b) == nil {
			continue
		}
		if _, err := diskio.Copy(a, b, diskio.All); err != nil {
			return err
		}
	}
	return nil
}
