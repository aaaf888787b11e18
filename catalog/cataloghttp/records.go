package cataloghttp

import (
	"context"
	"strings"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/catalog/lineage"
	"aiforge.dev/forge/internal/httpapi"
)

func registerRecords(s *httpapi.Server, svc Services) {
	httpapi.Handle(s, httpapi.Op{ID: "list-audit", Method: "GET", Path: "/api/audit", Summary: "Audit entries of the project", Tag: "catalog", Perm: forge.PermAdmin},
		func(ctx context.Context, in *auditInput) (*auditOutput, error) {
			scope, err := forge.ScopeFrom(ctx)
			if err != nil {
				return nil, err
			}
			list, err := svc.Audit.List(ctx, scope, in.After, in.Limit)
			out := &auditOutput{}
			out.Body.Entries = make([]auditEntry, 0, len(list))
			for _, e := range list {
				out.Body.Entries = append(out.Body.Entries, auditEntry{e, who{e.User, e.By, e.Kind, e.Token}})
			}
			return out, err
		})
	httpapi.Handle(s, httpapi.Op{ID: "verify-audit", Method: "GET", Path: "/api/audit/verify", Summary: "Is the audit log whole and unchanged", Tag: "catalog", Perm: forge.PermAdmin},
		func(ctx context.Context, _ *struct{}) (*verdictOutput, error) {
			v, err := svc.Audit.Verify(ctx)
			return &verdictOutput{v}, err
		})
	httpapi.Handle(s, httpapi.Op{ID: "lineage", Method: "GET", Path: "/api/lineage", Summary: "What was made from what", Tag: "catalog", Perm: forge.PermRead},
		func(ctx context.Context, in *lineageInput) (*lineageOutput, error) {
			scope, err := forge.ScopeFrom(ctx)
			if err != nil {
				return nil, err
			}
			kind, id, ok := strings.Cut(in.Ref, ":")
			if !ok || kind == "" || id == "" {
				return nil, forge.Errorf(forge.KindInvalid, nil, "ref %q: want KIND:ID, for example deployment:calls", in.Ref).With(forge.FieldError{Path: "ref", Text: "want KIND:ID"})
			}
			g, err := svc.Lineage.Graph(ctx, scope, forge.Ref{Kind: kind, ID: id}, lineage.Direction(in.Direction), in.Depth)
			return &lineageOutput{g}, err
		})
}

type auditInput struct {
	After int64 `query:"after" default:"-1" minimum:"-1" doc:"Entries after this number, oldest first; left out: the newest"`
	Limit int   `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type auditOutput struct {
	Body struct {
		Entries []auditEntry `json:"entries"`
	}
}

type auditEntry struct {
	audit.Entry
	Principal who `json:"principal"`
}

type who struct {
	User  string `json:"user"`
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Token string `json:"token,omitempty" doc:"Id of the key or sign-in"`
}

type verdictOutput struct{ Body audit.Verdict }

type lineageInput struct {
	Ref       string `query:"ref" required:"true" example:"deployment:calls"`
	Direction string `query:"direction" default:"up" enum:"up,down,both"`
	Depth     int    `query:"depth" default:"100" minimum:"1" maximum:"100"`
}

type lineageOutput struct{ Body lineage.Graph }
