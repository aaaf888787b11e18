package cataloghttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
	"aiforge.dev/forge/catalog/audit"
	"aiforge.dev/forge/catalog/authn"
	"aiforge.dev/forge/internal/httpapi"
	"github.com/danielgtaylor/huma/v2"
)

// refreshCookie is sent by browsers only to where it is used, and by no other site's
// page: SameSite=Strict, and httpapi refuses what comes from one. Everything else takes
// a bearer header, which no other site's page can set.
const (
	refreshCookie = "forge_refresh"
	refreshPath   = "/api/auth"
)

func registerAuth(s *httpapi.Server, svc Services) {
	h := auth{svc}
	httpapi.Handle(s, httpapi.Op{ID: "login", Method: "POST", Path: "/api/auth/login", Summary: "Sign in with address and password", Tag: "catalog", Perm: forge.PermPublic, MaxBody: 8 << 10}, h.login)
	httpapi.Handle(s, httpapi.Op{ID: "refresh", Method: "POST", Path: "/api/auth/refresh", Summary: "A new access token for a refresh token, which is used up", Tag: "catalog", Perm: forge.PermPublic, MaxBody: 8 << 10}, h.refresh)
	httpapi.Handle(s, httpapi.Op{ID: "logout", Method: "POST", Path: "/api/auth/logout", Summary: "End the sign-in", Tag: "catalog", Perm: forge.PermPublic, Status: http.StatusNoContent, MaxBody: 8 << 10}, h.logout)
	httpapi.Handle(s, httpapi.Op{ID: "switch-project", Method: "POST", Path: "/api/auth/switch", Summary: "Go on in another project of one's own; ends this sign-in", Tag: "catalog", Perm: forge.PermSelf, MaxBody: 8 << 10}, h.change)
	httpapi.Handle(s, httpapi.Op{ID: "my-projects", Method: "GET", Path: "/api/me/projects", Summary: "The projects that I am a member of", Tag: "catalog", Perm: forge.PermSelf, Quiet: true}, h.projects)
	httpapi.Handle(s, httpapi.Op{ID: "me", Method: "GET", Path: "/api/me", Summary: "Who am I, and where", Tag: "catalog", Perm: forge.PermSelf, Quiet: true}, h.me)
	httpapi.Handle(s, httpapi.Op{ID: "change-me", Method: "PUT", Path: "/api/me", Summary: "Change the own name or password", Tag: "catalog", Perm: forge.PermSelf, MaxBody: 8 << 10}, h.changeMe)
}

type auth struct{ svc Services }

// client is what is known of the caller, filled by Resolve.
type client struct {
	remote string
	tls    bool
	cookie string
}

// Resolve implements huma.Resolver.
func (c *client) Resolve(ctx huma.Context) []error {
	c.remote = httpapi.RemoteHost(ctx.RemoteAddr())
	c.tls = ctx.TLS() != nil
	if k, err := huma.ReadCookie(ctx, refreshCookie); err == nil {
		c.cookie = k.Value
	}
	return nil
}

type loginInput struct {
	client
	Body struct {
		Email    string `json:"email" maxLength:"320" example:"owner@example.org"`
		Password string `json:"password" maxLength:"1024"`
	}
}

type refreshInput struct {
	client
	Body *struct {
		RefreshToken string `json:"refresh_token,omitempty" maxLength:"4096" doc:"For clients without cookies"`
	}
}

type sessionOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Cache     string        `header:"Cache-Control"`
	Body      struct {
		AccessToken  string          `json:"access_token"`
		ExpiresIn    int             `json:"expires_in" doc:"Seconds"`
		User         forge.UserID    `json:"user"`
		Name         string          `json:"name"`
		Project      forge.ProjectID `json:"project"`
		Role         forge.Role      `json:"role" enum:"owner,editor,viewer,predict"`
		RefreshToken string          `json:"refresh_token,omitempty" doc:"Only for clients that sent theirs in the body"`
	}
}

type logoutOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (h auth) login(ctx context.Context, in *loginInput) (*sessionOutput, error) {
	ses, err := h.svc.Auth.Login(ctx, in.Body.Email, in.Body.Password, in.remote)
	if err != nil {
		h.refusal(ctx, "sign-in", in.remote, err)
		return nil, err
	}
	h.note(ctx, "sign-in", "ok", in.remote, ses.Scope, ses.User, "")
	return h.answer(ses, &in.client, false), nil
}

func (h auth) refresh(ctx context.Context, in *refreshInput) (*sessionOutput, error) {
	token, inBody := in.token()
	if token == "" {
		return nil, httpapi.Unauthenticated("no refresh token: sign in first")
	}
	ses, err := h.svc.Auth.Refresh(ctx, token)
	if err != nil {
		h.refusal(ctx, "refresh", in.remote, err)
		return nil, err
	}
	return h.answer(ses, &in.client, inBody), nil
}

func (in *refreshInput) token() (token string, inBody bool) {
	if in.Body != nil && in.Body.RefreshToken != "" {
		return in.Body.RefreshToken, true
	}
	return in.cookie, false
}

func (h auth) logout(ctx context.Context, in *refreshInput) (*logoutOutput, error) {
	token, _ := in.token()
	if err := h.svc.Auth.Logout(ctx, token); err != nil {
		return nil, err
	}
	gone := h.cookie("", &in.client)
	gone.MaxAge = -1
	return &logoutOutput{SetCookie: []http.Cookie{gone}}, nil
}

func (h auth) cookie(value string, c *client) http.Cookie {
	return http.Cookie{Name: refreshCookie, Value: value, Path: refreshPath, HttpOnly: true, Secure: h.svc.Secure || c.tls, SameSite: http.SameSiteStrictMode}
}

func (h auth) answer(ses authn.Session, c *client, inBody bool) *sessionOutput {
	out := &sessionOutput{Cache: "no-store"}
	out.Body.AccessToken, out.Body.ExpiresIn = ses.Access, int(ses.ExpiresIn/time.Second)
	out.Body.User, out.Body.Name, out.Body.Project, out.Body.Role = ses.User.ID, ses.User.Name, ses.Scope.Project, ses.Role
	if inBody {
		out.Body.RefreshToken = ses.Refresh
		return out
	}
	k := h.cookie(ses.Refresh, c)
	k.Expires = ses.Until
	out.SetCookie = []http.Cookie{k}
	return out
}

// refusal notes a refused attempt in the log of the account's project, so that its
// owner sees it. An attempt at no account is noted too, if only to take as long.
func (h auth) refusal(ctx context.Context, action, remote string, err error) {
	var r *authn.Refusal
	if !errors.As(err, &r) {
		r = &authn.Refusal{Reason: "no such account or token"}
	}
	h.note(ctx, action, "denied", remote, r.Scope, r.User, r.Reason)
}

// note writes into the audit log who signs in where, which the operation's own line
// cannot know.
func (h auth) note(ctx context.Context, action, outcome, remote string, scope forge.Scope, u catalog.User, why string) {
	_, _ = h.svc.Audit.Append(context.WithoutCancel(ctx), audit.Entry{ // the gate's line reports a broken log
		At: time.Now().UTC(), Scope: scope, User: string(u.ID), By: u.Name, Kind: "person",
		Action: action, Target: u.Email, Outcome: outcome, Remote: remote, RequestID: httpapi.RequestID(ctx), Note: why,
	})
}

type switchInput struct {
	client
	Body struct {
		To string `json:"to" maxLength:"64" example:"demo" doc:"Name of the project"`
	}
}

func (h auth) change(ctx context.Context, in *switchInput) (*sessionOutput, error) {
	ses, err := h.svc.Auth.Switch(ctx, in.Body.To)
	if err != nil {
		return nil, err
	}
	h.note(ctx, "sign-in", "ok", in.remote, ses.Scope, ses.User, "from another project")
	return h.answer(ses, &in.client, false), nil
}

type projectsOutput struct {
	Body struct {
		Projects []catalog.Membership `json:"projects"`
	}
}

func (h auth) projects(ctx context.Context, _ *struct{}) (*projectsOutput, error) {
	out := &projectsOutput{}
	var err error
	out.Body.Projects, err = h.svc.Auth.Projects(ctx)
	return out, err
}

type meOutput struct {
	Body struct {
		User        forge.UserID       `json:"user"`
		Name        string             `json:"name"`
		Email       string             `json:"email,omitempty"`
		Kind        string             `json:"kind" enum:"person,key,job"`
		Role        forge.Role         `json:"role" enum:"owner,editor,viewer,predict"`
		Project     forge.ProjectID    `json:"project"`
		Title       string             `json:"title" doc:"Of the project"`
		Permissions []forge.Permission `json:"permissions"`
	}
}

func (h auth) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	me, err := h.svc.Auth.Me(ctx)
	return showMe(me), err
}

type meInput struct {
	client
	Body struct {
		Name     string `json:"name,omitempty" maxLength:"100"`
		Current  string `json:"current,omitempty" maxLength:"1024" doc:"The password as it is; needed for a new one"`
		Password string `json:"password,omitempty" maxLength:"256" doc:"A new password; it ends all other sign-ins"`
	}
}

func (h auth) changeMe(ctx context.Context, in *meInput) (*meOutput, error) {
	me, err := h.svc.Auth.ChangeSelf(ctx, authn.SelfChange{Name: in.Body.Name, Current: in.Body.Current, Password: in.Body.Password}, in.remote)
	return showMe(me), err
}

func showMe(me authn.Me) *meOutput {
	out := &meOutput{}
	out.Body.User, out.Body.Name, out.Body.Email, out.Body.Kind = me.User, me.Name, me.Email, me.Kind
	out.Body.Role, out.Body.Project, out.Body.Title = me.Role, me.Scope.Project, me.Title
	out.Body.Permissions = catalog.Permissions(me.Role)
	return out
}
