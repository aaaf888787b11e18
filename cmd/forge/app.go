package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/internal/jobs"
	"aiforge.dev/forge/internal/keyset"
	"aiforge.dev/forge/internal/sqldb"
	"aiforge.dev/forge/internal/telemetry"
	"aiforge.dev/forge/lake"
	"aiforge.dev/forge/lake/clean"
	"aiforge.dev/forge/lake/iceberg"
)

// App is a whole forge: everything that Config names, opened and joined. Each folder
// is opened by a function in a file of its own (lake.go, ingest.go, …); the order is
// the order of the row's journey.
type App struct {
	cfg Config
	log *slog.Logger

	keys   *keyset.Keyset
	db     *sqldb.DB
	jobs   *jobs.Runner
	house  *lake.House
	tables *iceberg.Tables // the house's, for what only it knows

	figures  *telemetry.Telemetry
	identity identity
	ingest   ingestParts
	recipes  *clean.Service
	features featureParts
	training trainingParts
	serving  servingParts
	watching watchingParts
	backup   backupParts

	server *httpapi.Server
	listen net.Listener
	ending chan struct{}                 // closed when Run ends
	loops  []func(context.Context) error // run until their context ends
	closer []func() error                // last opened, first closed
}

// Open opens everything; when a part fails, what was opened before is closed.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*App, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: log, ending: make(chan struct{})}
	for _, open := range []func(context.Context) error{
		a.openData, a.openMetadata, a.openIdentity, a.openLake, a.openIngest, a.openRecipes,
		a.openFeatures, a.openTraining, a.openServing, a.openMonitoring, a.openFlows, a.openBackup, a.openHealth, a.openHousekeeping, a.openMetrics, a.openListener,
	} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return a, nil
}

// onClose remembers how to close a part.
func (a *App) onClose(f func() error) { a.closer = append(a.closer, f) }

// loop remembers work that goes on while the server runs.
func (a *App) loop(f func(context.Context) error) { a.loops = append(a.loops, f) }

// openData makes the data folder, locks it and empties its scratch space.
func (a *App) openData(context.Context) error {
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "data folder %s cannot be made", a.cfg.Data)
	}
	unlock, err := lockFolder(a.cfg.Data)
	if err != nil {
		return err
	}
	a.onClose(unlock)
	if err := claimFolder(a.cfg.Data, dataFormat, version); err != nil {
		return err
	}
	if err := os.RemoveAll(a.cfg.path("tmp")); err != nil {
		return err
	}
	if err := os.MkdirAll(a.cfg.path("tmp"), 0o700); err != nil {
		return err
	}
	a.keys, err = keyset.Open(a.cfg.path("forge.key"))
	return err
}

// openMetadata opens the metadata store and the job queue.
func (a *App) openMetadata(ctx context.Context) error {
	addr := a.cfg.Metadata
	if Embedded(addr) {
		addr = "sqlite:" + a.cfg.path("meta.db")
	}
	var err error
	if a.db, err = sqldb.Open(ctx, addr, a.keys.Derive("metadata", 64)); err != nil {
		return err
	}
	a.onClose(a.db.Close)
	if err := a.db.Claim(ctx, dataFormat, version); err != nil {
		return err
	}
	a.jobs, err = jobs.New(a.db, jobs.Config{Log: a.log, Sole: Embedded(a.cfg.Metadata), Now: a.cfg.Now, Fault: a.cfg.Fault.In("jobs")})
	return err
}

func (a *App) openListener(context.Context) error {
	var err error
	if a.listen, err = net.Listen("tcp", a.cfg.Listen); err != nil {
		return forge.Errorf(forge.KindUnavailable, err, "cannot listen on %s: is another forge running there? --listen 127.0.0.1:0 takes a free port", a.cfg.Listen)
	}
	a.onClose(func() error {
		if err := a.listen.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// Base is the address that clients use.
func (a *App) Base() string {
	scheme := "http://"
	if a.cfg.TLSCert != "" {
		scheme = "https://"
	}
	return scheme + a.listen.Addr().String()
}

// Run serves until ctx ends, then lets running requests finish.
func (a *App) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := a.jobs.Start(ctx); err != nil {
		return err
	}
	ended := make(chan error, len(a.loops)+1)
	for _, f := range a.loops {
		go func() { ended <- f(ctx) }()
	}
	srv := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)}
	serve, err := a.serveFunc(srv)
	if err != nil {
		return err
	}
	// The port is open already: who finds the address is answered, if a moment later.
	if err := writeServerFile(a.cfg.Data, a.Base()); err != nil {
		return err
	}
	defer os.Remove(a.cfg.path("server.json")) //nolint:errcheck // a stale file is recognised by its process id
	go func() { ended <- serve() }()
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	cancel()
	close(a.ending)
	stop, done := context.WithTimeout(context.Background(), 20*time.Second)
	defer done()
	err = errors.Join(ignoreClosed(err), a.jobs.Stop(stop), srv.Shutdown(stop)) // event streams end with the jobs
	for range len(a.loops) {
		select {
		case e := <-ended:
			err = errors.Join(err, ignoreClosed(e))
		case <-stop.Done():
			return errors.Join(err, stop.Err())
		}
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Close closes what Open opened, last first.
func (a *App) Close() error {
	var errs []error
	for i := len(a.closer) - 1; i >= 0; i-- {
		errs = append(errs, a.closer[i]())
	}
	a.closer = nil
	return errors.Join(errs...)
}
