package cataloghttp

import (
	"context"
	"net/http"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/internal/httpapi"
)

func registerMembers(s *httpapi.Server, svc Services) {
	op := func(id, method, path, summary string) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "catalog", Perm: forge.PermAdmin}
	}
	httpapi.Handle(s, op("list-members", "GET", "/api/members", "Members of the project"),
		func(ctx context.Context, _ *struct{}) (*membersOutput, error) {
			out := &membersOutput{}
			var err error
			out.Body.Members, err = svc.Auth.Members(ctx)
			return out, err
		})
	add := op("add-member", "POST", "/api/members", "Make somebody a member; a new address gets an account")
	add.Status = http.StatusCreated
	httpapi.Handle(s, add, func(ctx context.Context, in *newMember) (*memberOutput, error) {
		m, err := svc.Auth.AddMember(ctx, catalog.Member{Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role}, in.Body.Password)
		return &memberOutput{m}, err
	})
	httpapi.Handle(s, op("change-member", "PUT", "/api/members/{user}", "Change role, name or password"),
		func(ctx context.Context, in *memberChange) (*memberOutput, error) {
			m, err := svc.Auth.ChangeMember(ctx, in.User, authn.Change{Role: in.Body.Role, Name: in.Body.Name, Password: in.Body.Password})
			return &memberOutput{m}, err
		})
	remove := op("remove-member", "DELETE", "/api/members/{user}", "End a membership and its sign-ins")
	httpapi.Handle(s, remove, func(ctx context.Context, in *memberPath) (*struct{}, error) {
		return nil, svc.Auth.RemoveMember(ctx, in.User)
	})
}

type membersOutput struct {
	Body struct {
		Members []catalog.Member `json:"members"`
	}
}

type memberOutput struct{ Body catalog.Member }

type memberPath struct {
	User forge.UserID `path:"user"`
}

type newMember struct {
	Body struct {
		Email    string     `json:"email" maxLength:"320"`
		Name     string     `json:"name,omitempty" maxLength:"100"`
		Role     forge.Role `json:"role" enum:"owner,editor,viewer,predict"`
		Password string     `json:"password,omitempty" maxLength:"256" doc:"First password of a new account"`
	}
}

type memberChange struct {
	User forge.UserID `path:"user"`
	Body struct {     // a Member as it was read may be sent back, changed
		ID       string     `json:"user,omitempty" doc:"Ignored"`
		Email    string     `json:"email,omitempty" doc:"Ignored: an address stays"`
		Name     string     `json:"name,omitempty" maxLength:"100"`
		Role     forge.Role `json:"role,omitempty" enum:"owner,editor,viewer,predict"`
		Password string     `json:"password,omitempty" maxLength:"256"`
	}
}

func registerKeys(s *httpapi.Server, svc Services) {
	op := func(id, method, path, summary string) httpapi.Op {
		return httpapi.Op{ID: id, Method: method, Path: path, Summary: summary, Tag: "catalog", Perm: forge.PermAdmin}
	}
	httpapi.Handle(s, op("list-keys", "GET", "/api/keys", "API keys of the project, without the keys themselves"),
		func(ctx context.Context, _ *struct{}) (*keysOutput, error) {
			out := &keysOutput{}
			var err error
			out.Body.Keys, err = svc.Auth.Keys(ctx)
			return out, err
		})
	create := op("create-key", "POST", "/api/keys", "Make an API key; it is shown in this answer and never again")
	create.Status = http.StatusCreated
	httpapi.Handle(s, create, func(ctx context.Context, in *newKey) (*keyOutput, error) {
		secret, key, err := svc.Auth.CreateKey(ctx, in.Body.Name, in.Body.Role, in.Body.Expires)
		out := &keyOutput{Cache: "no-store"}
		out.Body.Key, out.Body.Token = key, secret
		return out, err
	})
	httpapi.Handle(s, op("revoke-key", "DELETE", "/api/keys/{id}", "End an API key"),
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		}) (*struct{}, error) {
			return nil, svc.Auth.RevokeKey(ctx, in.ID)
		})
}

type keysOutput struct {
	Body struct {
		Keys []catalog.Key `json:"keys"`
	}
}

type newKey struct {
	Body struct {
		Name    string     `json:"name" minLength:"1" maxLength:"100"`
		Role    forge.Role `json:"role" enum:"owner,editor,viewer,predict"`
		Expires *time.Time `json:"expires,omitempty"`
	}
}

type keyOutput struct {
	Cache string `header:"Cache-Control"`
	Body  struct {
		Key   catalog.Key `json:"key"`
		Token string      `json:"token" doc:"The key itself, shown only here"`
	}
}
