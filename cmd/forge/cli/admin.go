package cli

import (
	"fmt"
	"time"

	"aiforge.dev/forge"
	"aiforge.dev/forge/catalog"
)

// Token makes, lists and revokes API keys.
type Token struct {
	Create TokenCreate `cmd:"" help:"Make an API key; it is shown once."`
	List   TokenList   `cmd:"" help:"List API keys."`
	Revoke TokenRevoke `cmd:"" help:"Revoke an API key."`
}

type tokenMade struct {
	Key   catalog.Key `json:"key"`
	Token string      `json:"token" doc:"Shown once"`
}

// Answer implements Answerer.
func (*TokenCreate) Answer() any { return tokenMade{} }

type TokenCreate struct {
	Role    string `required:"" enum:"owner,editor,viewer,predict" help:"owner, editor, viewer or predict (asks for predictions, nothing else)."`
	Name    string `default:"cli" help:"What the key is for."`
	Expires string `help:"How long it is good, for example 720h; for ever otherwise."`
}

func (c *TokenCreate) Run(e *Env) error {
	body := map[string]any{"name": c.Name, "role": c.Role}
	if c.Expires != "" {
		d, err := time.ParseDuration(c.Expires)
		if err != nil {
			return forge.Errorf(forge.KindInvalid, err, "--expires %s: want a duration such as 720h", c.Expires)
		}
		body["expires"] = time.Now().Add(d).UTC()
	}
	var out tokenMade
	if err := e.call("POST", "/api/keys", body, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printf("%s\n", out.Token)
	return nil
}

type keyList struct {
	Keys []catalog.Key `json:"keys"`
}

func keyIDs(o keyList) []string { return each(o.Keys, func(k catalog.Key) string { return k.ID }) }

type TokenList struct{}

// Answer implements Answerer.
func (*TokenList) Answer() any { return keyList{} }

func (c *TokenList) Run(e *Env) error {
	var out keyList
	if err := e.call("GET", "/api/keys", nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	var rows [][]string
	for _, k := range out.Keys {
		state := "good"
		if k.Revoked != nil {
			state = "revoked"
		} else if k.Expires != nil && k.Expires.Before(time.Now()) {
			state = "expired"
		}
		rows = append(rows, []string{k.ID, k.Name, string(k.Role), k.Prefix + "…", state, k.Created.Local().Format("2006-01-02 15:04")})
	}
	e.Table([]string{"KEY", "NAME", "ROLE", "BEGINS", "STATE", "CREATED"}, rows)
	return nil
}

type TokenRevoke struct {
	ID string `arg:"" names:"key" help:"Key id, as forge token list shows it."`
}

type revoked struct {
	Revoked string `json:"revoked" doc:"Id of the key"`
}

// Answer implements Answerer.
func (*TokenRevoke) Answer() any { return revoked{} }

func (c *TokenRevoke) Run(e *Env) error {
	if err := e.call("DELETE", path("api", "keys", c.ID), nil, nil); err != nil {
		return err
	}
	return e.done(revoked{c.ID}, "%s is revoked", c.ID)
}

// Audit reads and checks the audit log.
type Audit struct {
	List   AuditList   `cmd:"" default:"1" help:"Show the newest entries."`
	Verify AuditVerify `cmd:"" help:"Check that no entry was changed, removed or moved."`
}

type AuditList struct {
	Limit int `default:"30" help:"How many."`
}

type auditEntries struct {
	Entries []struct {
		Seq     int64     `json:"seq"`
		At      time.Time `json:"at"`
		By      string    `json:"by"`
		Action  string    `json:"action"`
		Target  string    `json:"target"`
		Outcome string    `json:"outcome"`
	} `json:"entries"`
}

// Answer implements Answerer.
func (*AuditList) Answer() any { return auditEntries{} }

func (c *AuditList) Run(e *Env) error {
	var out auditEntries
	if err := e.call("GET", fmt.Sprintf("/api/audit?limit=%d", c.Limit), nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	var rows [][]string
	for _, a := range out.Entries {
		rows = append(rows, []string{fmt.Sprint(a.Seq), a.At.Local().Format(time.DateTime), a.By, a.Action, a.Target, a.Outcome})
	}
	e.Table([]string{"#", "AT", "WHO", "ACTION", "TARGET", "OUTCOME"}, rows)
	return nil
}

type AuditVerify struct{}

type auditVerdict struct {
	Entries  int64  `json:"entries"`
	OK       bool   `json:"ok"`
	BrokenAt int64  `json:"broken_at,omitempty" doc:"Number of the first entry that is not as it was written"`
	Reason   string `json:"reason,omitempty"`
}

// Answer implements Answerer.
func (*AuditVerify) Answer() any { return auditVerdict{} }

func (c *AuditVerify) Run(e *Env) error {
	var out auditVerdict
	if err := e.call("GET", "/api/audit/verify", nil, &out); err != nil {
		return err
	}
	done, err := e.printJSON(out)
	if err != nil {
		return err
	}
	if !out.OK {
		return forge.Errorf(forge.KindInternal, nil, "the audit log is broken at entry %d: %s", out.BrokenAt, out.Reason)
	}
	if done {
		return nil
	}
	e.printf("%s entries, unbroken\n", count(out.Entries))
	return nil
}
