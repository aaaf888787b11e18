// Package cli is forge's command line: every command is a few calls of the public
// HTTP API and nothing else, so that whatever the command line can do a client can
// do too.
package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"aiforge.dev/forge"
)

// Client speaks the HTTP API.
type Client struct {
	Base  string
	Token string
	HTTP  *http.Client
}

// ServerFile is what a running server leaves in its data folder for the command line.
type ServerFile struct {
	Addr string `json:"addr"` // http://127.0.0.1:8040
	PID  int    `json:"pid"`
}

// Connect finds the server and the token: given ones first, else what the data
// folder on this machine says.
func Connect(addr, token, data string) (*Client, error) {
	if addr == "" {
		f, err := ReadServerFile(data)
		if err != nil {
			return nil, forge.Errorf(forge.KindUnavailable, err, "no server has left its address in %s: start one with forge serve (or make up), or set FORGE_ADDR", data)
		}
		addr = f.Addr
	}
	if token == "" {
		b, err := os.ReadFile(filepath.Join(data, "owner.token"))
		if err != nil {
			return nil, forge.Errorf(forge.KindDenied, err, "no token: set FORGE_TOKEN, or use --data of a server on this machine (%s has no owner.token)", data)
		}
		token = strings.TrimSpace(string(b))
	}
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	return &Client{Base: strings.TrimRight(addr, "/"), Token: token, HTTP: &http.Client{}}, nil
}

// ReadServerFile reads DATA/server.json.
func ReadServerFile(data string) (ServerFile, error) {
	var f ServerFile
	b, err := os.ReadFile(filepath.Join(data, "server.json"))
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

// problem is the part of an RFC 9457 answer that the command line uses.
type problem struct {
	Title    string             `json:"title"`
	Status   int                `json:"status"`
	Detail   string             `json:"detail"`
	Kind     forge.Kind         `json:"kind"`
	Instance string             `json:"instance"`
	Errors   []forge.FieldError `json:"errors"`
}

// Call sends in as JSON (nil: no body) and decodes the answer into out (nil: ignored).
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	resp, err := c.Send(ctx, method, path, "application/json", body, "application/json")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s %s: the answer is not what this forge expects: %w", method, path, err)
	}
	return nil
}

// Send sends one request and returns a successful answer; the caller closes its body.
func (c *Client) Send(ctx context.Context, method, path, contentType string, body io.Reader, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, forge.Errorf(forge.KindUnavailable, err, "the server at %s does not answer: is it running? forge serve starts one, forge doctor looks further", c.Base)
	}
	if resp.StatusCode < 400 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readProblem(resp)
}

// Download asks for a stream; name is the one that the server gives it. The stream ends
// with an error when the server breaks it off. The caller closes it.
func (c *Client) Download(ctx context.Context, path string, in any) (body io.ReadCloser, name string, err error) {
	b, err := json.Marshal(in)
	if err != nil {
		return nil, "", err
	}
	resp, err := c.Send(ctx, http.MethodPost, path, "application/json", bytes.NewReader(b), "application/octet-stream")
	if err != nil {
		return nil, "", err
	}
	_, params, _ := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	return resp.Body, params["filename"], nil
}

func readProblem(resp *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var p problem
	if json.Unmarshal(b, &p) != nil || p.Detail == "" {
		var oip struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(b, &oip)
		p.Detail = oip.Error
	}
	if p.Detail == "" {
		p.Detail = fmt.Sprintf("the server answered %s", resp.Status)
	}
	if p.Kind == "" {
		p.Kind = kindOf(resp.StatusCode)
	}
	e := forge.Errorf(p.Kind, nil, "%s", p.Detail)
	return e.With(p.Errors...)
}

func kindOf(status int) forge.Kind {
	switch status {
	case http.StatusNotFound:
		return forge.KindNotFound
	case http.StatusConflict:
		return forge.KindConflict
	case http.StatusUnauthorized, http.StatusForbidden:
		return forge.KindDenied
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		return forge.KindUnavailable
	}
	if status >= http.StatusInternalServerError {
		return forge.KindInternal
	}
	return forge.KindInvalid
}

// event is one server-sent event.
type event struct {
	ID, Type string
	Data     json.RawMessage
}

// events reads server-sent events until the stream ends or f says stop.
func (c *Client) events(ctx context.Context, path string, f func(event) (stop bool)) error {
	resp, err := c.Send(ctx, http.MethodGet, path, "", nil, "text/event-stream")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(make([]byte, 64<<10), 16<<20)
	var e event
	for sc.Scan() {
		key, value, _ := strings.Cut(sc.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch key {
		case "id":
			e.ID = value
		case "event":
			e.Type = value
		case "data":
			e.Data = append(e.Data, value...)
		case "":
			if sc.Text() == "" && e.Type != "" {
				if f(e) {
					return nil
				}
				e = event{}
			}
		}
	}
	return sc.Err()
}

// path joins escaped parts: path("api", "tables", "raw.calls").
func path(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/" + strings.Join(parts, "/")
}
