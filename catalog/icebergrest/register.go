package icebergrest

import (
	"encoding/json"
	"net/http"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// Register adds the protocol's operations to the server.
func Register(server *httpapi.Server, s *Service) {
	routes := s.routes()
	endpoints := make([]string, len(routes))
	for i, rt := range routes {
		endpoints[i] = rt.method + " " + rt.path
	}
	s.add(server, route{"GET", "/v1/config", "config", "What the Iceberg catalog offers", forge.PermRead, true, s.config(endpoints)})
	for _, rt := range routes {
		s.add(server, rt)
	}
}

func (s *Service) add(server *httpapi.Server, rt route) {
	op := httpapi.Op{
		ID: "iceberg-" + rt.id, Method: rt.method, Path: root + strings.Replace(rt.path, "{prefix}", Prefix, 1),
		Summary: rt.summary, Tag: "iceberg", Perm: rt.perm, Quiet: rt.quiet, MaxBody: maxBody, Refuse: refuse,
	}
	server.HandleRaw(op, func(w http.ResponseWriter, r *http.Request) error {
		err := rt.handle(w, r)
		if err != nil {
			writeFault(w, r, err) // here, because only here its type is known
		}
		return err
	})
}

// config tells a client the prefix of its paths and which of them there are. It is what
// every client asks first, and so the place to say that it cannot work here.
func (s *Service) config(endpoints []string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		if s.cfg.Shared != nil {
			if err := s.cfg.Shared(); err != nil {
				return err
			}
		}
		return answer(w, http.StatusOK, map[string]any{
			"defaults": map[string]string{}, "overrides": map[string]string{"prefix": Prefix}, "endpoints": endpoints,
		})
	}
}

func answer(w http.ResponseWriter, status int, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // a client that left needs no answer
	return nil
}

func done(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// catalog returns the tables of the request's project.
func (s *Service) catalog(r *http.Request) (forge.Scope, Catalog, error) {
	scope, err := forge.ScopeFrom(r.Context())
	if err != nil {
		return scope, nil, err
	}
	return scope, s.cfg.Catalog(scope), nil
}
