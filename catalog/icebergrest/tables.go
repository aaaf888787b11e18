package icebergrest

import (
	"net/http"
	"strconv"

	"aiforge.dev/forge"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

func (s *Service) listTables(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	ns := namespaceOf(r)
	if err := s.has(r.Context(), scope, cat, ns); err != nil {
		return err
	}
	all, err := cat.Names(r.Context())
	if err != nil {
		return err
	}
	var here []forge.TableName
	for _, n := range all {
		if n.Namespace == ns[0] {
			here = append(here, n)
		}
	}
	part, next, err := page(r, here, func(n forge.TableName) string { return n.Name })
	if err != nil {
		return err
	}
	out := make([]identifier, len(part))
	for i, n := range part {
		out[i] = identOf(n)
	}
	return answer(w, http.StatusOK, map[string]any{"identifiers": out, "next-page-token": next})
}

// creation is the request for a new table.
type creation struct {
	Name       string                    `json:"name"`
	Location   string                    `json:"location"`
	Schema     *ice.Schema               `json:"schema"`
	Spec       *ice.UnboundPartitionSpec `json:"partition-spec"`
	Order      *table.UnboundSortOrder   `json:"write-order"`
	Stage      bool                      `json:"stage-create"`
	Properties ice.Properties            `json:"properties"`
}

func (s *Service) createTable(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	var in creation
	if err := decode(r, &in); err != nil {
		return err
	}
	id := identifier{namespaceOf(r), in.Name}
	if err := s.has(r.Context(), scope, cat, id.Namespace); err != nil {
		return err
	}
	if err := id.check(); err != nil {
		return err
	}
	if in.Schema == nil {
		return bad("table %s: a schema is needed", id)
	}
	if _, err := cat.LoadTable(r.Context(), id.ident()); err == nil {
		return tableThere(id, nil)
	} else if forge.KindOf(err) != forge.KindNotFound {
		return err
	}
	location, props, err := cat.PlaceTable(r.Context(), id.ident(), in.Location)
	if err != nil {
		return err
	}
	meta, err := in.metadata(id, location, props)
	if err != nil {
		return err
	}
	if in.Stage { // the client writes first and then commits with assert-create
		return answer(w, http.StatusOK, loaded{Metadata: meta})
	}
	t, err := cat.CreateTable(r.Context(), id.ident(), meta)
	if err != nil {
		return of(id, err)
	}
	return answerTable(w, r, t, allSnapshots)
}

// metadata makes the first metadata of the table. What iceberg-go does not expect is a
// mistake in the request, also where it would end the process.
func (in creation) metadata(id identifier, location string, props ice.Properties) (meta table.Metadata, err error) {
	defer func() {
		if recover() != nil {
			meta, err = nil, bad("table %s: schema, partition spec and sort order do not fit together", id)
		}
	}()
	for k, v := range in.Properties {
		props[k] = v
	}
	var spec *ice.PartitionSpec
	if in.Spec != nil {
		spec = &in.Spec.PartitionSpec
		for _, f := range spec.Fields() {
			if _, odd := f.Transform.(ice.UnknownTransform); odd {
				return nil, bad("table %s: partition field %q: the transform %s is not known", id, f.Name, f.Transform)
			}
		}
	}
	order := table.UnsortedSortOrder
	if in.Order != nil {
		order = in.Order.SortOrder
	}
	meta, err = table.NewMetadata(in.Schema, spec, order, location, props)
	if err != nil {
		return nil, forge.Errorf(forge.KindInvalid, err, "table %s: %s", id, err)
	}
	return meta, nil
}

func (s *Service) loadTable(w http.ResponseWriter, r *http.Request) error {
	_, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	which := snapshots(r.URL.Query().Get("snapshots"))
	switch which {
	case "":
		which = allSnapshots
	case allSnapshots, refSnapshots:
	default:
		return bad("snapshots=%s: want all or refs", which)
	}
	id := tableOf(r)
	if !id.valid() {
		return noTable(id)
	}
	t, err := cat.LoadTable(r.Context(), id.ident())
	if err != nil {
		return of(id, err)
	}
	return answerTable(w, r, t, which)
}

func (s *Service) tableExists(w http.ResponseWriter, r *http.Request) error {
	_, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	id := tableOf(r)
	if !id.valid() {
		return noTable(id)
	}
	if _, err := cat.LoadTable(r.Context(), id.ident()); err != nil {
		return of(id, err)
	}
	return done(w)
}

func (s *Service) dropTable(w http.ResponseWriter, r *http.Request) error {
	_, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	purge := false
	if text := r.URL.Query().Get("purgeRequested"); text != "" {
		if purge, err = strconv.ParseBool(text); err != nil {
			return bad("purgeRequested=%s: want true or false", text)
		}
	}
	id := tableOf(r)
	if !id.valid() {
		return noTable(id)
	}
	if err := cat.DropTable(r.Context(), id.ident(), purge); err != nil {
		return of(id, err)
	}
	return done(w)
}

func (s *Service) renameTable(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	var in struct {
		Source      identifier `json:"source"`
		Destination identifier `json:"destination"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	if len(in.Source.Namespace) == 0 || in.Source.Name == "" {
		return bad("Malformed request: source and destination are needed, each with namespace and name")
	}
	if err := in.Destination.check(); err != nil {
		return err
	}
	if !in.Source.valid() {
		return noTable(in.Source)
	}
	if _, err := cat.LoadTable(r.Context(), in.Source.ident()); err != nil {
		return of(in.Source, err)
	}
	if err := s.has(r.Context(), scope, cat, in.Destination.Namespace); err != nil {
		return err
	}
	err = cat.RenameTable(r.Context(), in.Source.ident(), in.Destination.ident())
	if forge.KindOf(err) == forge.KindConflict && err != nil {
		return tableThere(in.Destination, err)
	}
	if err != nil {
		return of(in.Source, err)
	}
	return done(w)
}

func (s *Service) registerTable(w http.ResponseWriter, r *http.Request) error {
	scope, cat, err := s.catalog(r)
	if err != nil {
		return err
	}
	var in struct {
		Name      string `json:"name"`
		Metadata  string `json:"metadata-location"`
		Overwrite bool   `json:"overwrite"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	id := identifier{namespaceOf(r), in.Name}
	if err := s.has(r.Context(), scope, cat, id.Namespace); err != nil {
		return err
	}
	if err := id.check(); err != nil {
		return err
	}
	if in.Metadata == "" {
		return bad("Malformed request: metadata-location is needed")
	}
	if in.Overwrite {
		return bad("table %s: overwrite is not offered: drop the table first", id)
	}
	t, err := cat.RegisterTable(r.Context(), id.ident(), in.Metadata)
	if err != nil {
		return of(id, err)
	}
	return answerTable(w, r, t, allSnapshots)
}
