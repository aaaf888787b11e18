package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/cmd/forge/cli"
	"aiforge.dev/forge/internal/httpapi"
	"aiforge.dev/forge/lake/duck"
	"aiforge.dev/forge/serving/oipgrpc"
	"aiforge.dev/forge/ui"
	"github.com/go-chi/chi/v5/middleware"
)

// serveCmd runs the server in the foreground.
type serveCmd struct {
	Config
	LogLevel string `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"FORGE_LOG_LEVEL"`
}

func (c *serveCmd) Run(e *cli.Env) error {
	c.Data = e.Data
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	app, err := Open(e.Ctx, c.Config, log)
	if err != nil {
		return err
	}
	if !app.cfg.loopback() && app.cfg.TLSCert == "" {
		log.Warn("THE SERVER IS REACHABLE FROM OTHER MACHINES WITHOUT TLS: passwords and data cross the network in clear; give --tls-cert and --tls-key, or listen on 127.0.0.1", "listen", app.cfg.Listen)
	}
	fmt.Fprintf(e.Out, "forge is at %s, data in %s\n", app.Base(), app.cfg.Data)
	err = app.Run(e.Ctx)
	if cerr := app.Close(); err == nil {
		err = cerr
	}
	return err
}

// serveFunc returns what serves srv: plain HTTP, or TLS 1.3. Without TLS, clients of
// gRPC speak HTTP/2 from the first byte on, on the same port.
func (a *App) serveFunc(srv *http.Server) (func() error, error) {
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	if a.cfg.TLSCert == "" {
		return func() error { return srv.Serve(a.listen) }, nil
	}
	cert, err := tls.LoadX509KeyPair(a.cfg.TLSCert, a.cfg.TLSKey)
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "certificate %s with key %s cannot be used: are both PEM files and do they belong together?", a.cfg.TLSCert, a.cfg.TLSKey)
	}
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}}
	return func() error { return srv.ServeTLS(a.listen, "", "") }, nil
}

// apiRoots are the paths that belong to the API; everything else is the studio's.
var apiRoots = []string{"/api/", "/v1/", "/v2", oipgrpc.Root, "/iceberg/", "/mlflow/", "/get-online-features", "/metrics", "/healthz", "/readyz"}

// handler gives API paths and calls of gRPC to the API and pages to the studio, so that
// an unknown API path never answers with a page.
func (a *App) handler() http.Handler {
	studio := a.server.Wrap(ui.Handler())
	// Lists of the platform's API shrink to a tenth; predictions are small and in a hurry.
	zipped := middleware.Compress(5, "application/json", "application/problem+json", "application/x-ndjson", "application/vnd.apache.arrow.stream")(a.server)
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			a.server.ServeHTTP(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			zipped.ServeHTTP(w, r)
			return
		}
		for _, root := range apiRoots {
			if strings.HasPrefix(r.URL.Path, root) || r.URL.Path == strings.TrimSuffix(root, "/") {
				a.server.ServeHTTP(w, r)
				return
			}
		}
		studio.ServeHTTP(w, r)
	})
	proxies, _ := httpapi.ParseProxies(a.cfg.TrustedProxies) // Validate has read them
	return httpapi.Pace{}.Paced(proxies.Client(httpapi.Hosts(a.cfg.hosts(), routes)))
}

// workerCmd answers queries for the server that started it.
type workerCmd struct{}

func (workerCmd) Run(*cli.Env) error { return duck.ServeWorker(os.Stdin, os.Stdout) }
