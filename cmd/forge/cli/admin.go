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
	var out struct {
		Key   catalog.Key `json:"key"`
		Token string      `json:"token"`
	}
	if err := e.call("POST", "/api/keys", body, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	e.printf("%s\n", out.Token)
	return nil
}

type TokenList struct{}

func (c *TokenList) Run(e *Env) error {
	var out struct {
		Keys []catalog.Key `json:"keys"`
	}
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
	e.table([]string{"KEY", "NAME", "ROLE", "BEGINS", "STATE", "CREATED"}, rows)
	return nil
}

type TokenRevoke struct {
	ID string `arg:"" help:"Key id, as forge token list shows it."`
}

func (c *TokenRevoke) Run(e *Env) error {
	if err := e.call("DELETE", path("api", "keys", c.ID), nil, nil); err != nil {
		return err
	}
	return e.done(map[string]any{"revoked": c.ID}, "revoked")
}

// Audit reads and checks the audit log.
type Audit struct {
	List   AuditList   `cmd:"" default:"1" help:"Show the newest entries."`
	Verify AuditVerify `cmd:"" help:"Check that no entry was changed, removed or moved."`
}

type AuditList struct {
	Limit int `default:"30" help:"How many."`
}

func (c *AuditList) Run(e *Env) error {
	var out struct {
		Entries []struct {
			Seq     int64     `json:"seq"`
			At      time.Time `json:"at"`
			By      string    `json:"by"`
			Action  string    `json:"action"`
			Target  string    `json:"target"`
			Outcome string    `json:"outcome"`
		} `json:"entries"`
	}
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
	e.table([]string{"#", "AT", "WHO", "ACTION", "TARGET", "OUTCOME"}, rows)
	return nil
}

type AuditVerify struct{}

func (c *AuditVerify) Run(e *Env) error {
	var out struct {
		Entries  int64  `json:"entries"`
		OK       bool   `json:"ok"`
		BrokenAt int64  `json:"broken_at,omitempty"`
		Reason   string `json:"reason,omitempty"`
	}
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

// Commands are all commands that speak the API.
type Commands struct {
	Ingest      Ingest      `cmd:"" group:"data" help:"Take a CSV file into a table."`
	Tables      Tables      `cmd:"" group:"data" help:"List tables, or show one."`
	Maintain    Maintain    `cmd:"" group:"data" help:"Join a table's small files and expire its old snapshots."`
	Rejects     Rejects     `cmd:"" group:"data" help:"Show rows that could not be taken, and why."`
	Recipe      Recipe      `cmd:"" group:"data" help:"Clean and mask: suggest, preview, apply."`
	SQL         SQL         `cmd:"" name:"sql" group:"data" help:"Run a SELECT over the project's tables."`
	Drop        Drop        `cmd:"" group:"data" help:"Remove a table."`
	Flow        Flow        `cmd:"" group:"data" help:"Flows of the studio: list, store, run."`
	Features    Features    `cmd:"" group:"features" help:"Views, training sets, the online store."`
	Train       Train       `cmd:"" group:"models" help:"Train a model on a training set."`
	Models      Models      `cmd:"" group:"models" help:"List models and their versions."`
	Alias       Alias       `cmd:"" group:"models" help:"Move an alias such as @champion."`
	Deploy      Deploy      `cmd:"" group:"serving" help:"Make a model answer."`
	Deployments Deployments `cmd:"" group:"serving" help:"List what answers."`
	Undeploy    Undeploy    `cmd:"" group:"serving" help:"Stop a deployment."`
	Predict     Predict     `cmd:"" group:"serving" help:"Ask a deployed model."`
	BatchScore  BatchScore  `cmd:"" group:"serving" help:"Score a table into another."`
	Monitor     Monitor     `cmd:"" group:"monitoring" help:"What is watched of a deployment."`
	Drift       Drift       `cmd:"" group:"monitoring" help:"Compare what a deployment sees with its training data."`
	Performance Performance `cmd:"" group:"monitoring" help:"Metrics where labels have arrived."`
	Alerts      Alerts      `cmd:"" group:"monitoring" help:"List alerts."`
	Lineage     Lineage     `cmd:"" group:"monitoring" help:"Show where something came from."`
	Jobs        Jobs        `cmd:"" group:"admin" help:"Long work: list, follow, cancel."`
	Token       Token       `cmd:"" group:"admin" help:"API keys."`
	Audit       Audit       `cmd:"" group:"admin" help:"The audit log."`
}
