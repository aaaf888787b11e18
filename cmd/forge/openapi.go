package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"

	"aiforge.dev/forge/cmd/forge/cli"
)

// openAPICmd prints the OpenAPI document of a fresh forge: it comes from the handlers
// themselves.
type openAPICmd struct{}

func (openAPICmd) Run(e *cli.Env) (err error) {
	dir, err := os.MkdirTemp("", "forge-openapi-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	app, err := Open(e.Ctx, Config{Data: dir, Listen: "127.0.0.1:0", Log: "embedded:", Metadata: "embedded:", Online: "embedded:", Memory: 1 << 30}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	b, err := app.server.API.OpenAPI().MarshalJSON()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", " "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err = out.WriteTo(e.Out)
	return err
}
