package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"aiforge.dev/forge"
	"aiforge.dev/forge/ingest"
)

// Ingest uploads a file in parts and takes it into a table.
type Ingest struct {
	File   string            `arg:"" names:"file" help:"CSV file."`
	Table  string            `required:"" names:"table" help:"Table to add the rows to, for example raw.calls." placeholder:"NAMESPACE.NAME"`
	Types  map[string]string `help:"Types that the sniffer should not decide: COLUMN=TYPE." placeholder:"COLUMN=TYPE"`
	Null   []string          `help:"Texts that mean a missing value, beside the empty one."`
	Header string            `enum:"auto,yes,no" default:"auto" help:"Whether the first line names the columns."`
	Wait
}

// Answer implements Answerer.
func (*Ingest) Answer() any { return ingest.Load{} }

type ingestRequest struct {
	Upload    string            `json:"upload"`
	Table     string            `json:"table"`
	Types     map[string]string `json:"types,omitempty"`
	Null      []string          `json:"null,omitempty"`
	HasHeader *bool             `json:"has_header,omitempty"`
}

func (c *Ingest) Run(e *Env) error {
	load, err := c.load(e)
	if err != nil {
		return err
	}
	if done, err := e.printJSON(load); done {
		return err
	}
	if load.Already {
		e.printf("%s: this file is in %s already, nothing was added\n", load.File, load.Table)
		return nil
	}
	e.printf("%s: %s rows into %s", load.File, count(load.Rows), load.Table)
	if load.Rejected > 0 {
		e.printf(", %s rejected into %s", count(load.Rejected), ingest.RejectsTable(load.Table))
	}
	e.printf("\n")
	return nil
}

func (c *Ingest) load(e *Env) (ingest.Load, error) {
	var load ingest.Load
	upload, err := e.upload(c.File)
	if err != nil {
		return load, err
	}
	req := ingestRequest{Upload: upload, Table: c.Table, Types: c.Types, Null: c.Null}
	if c.Header != "auto" && c.Header != "" {
		yes := c.Header == "yes"
		req.HasHeader = &yes
	}
	_, err = e.start(c.Wait, "/api/ingest", req, &load, nil)
	return load, err
}

// upload sends a file in parts and returns the upload's id; a part that fails is
// sent again from where the server stands.
func (e *Env) upload(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", forge.Errorf(forge.KindNotFound, err, "file %s cannot be read: is the path right?", name)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return "", forge.Errorf(forge.KindInvalid, err, "%s is not a file", name)
	}
	var up struct {
		ID       string `json:"id"`
		Offset   int64  `json:"offset"`
		PartSize int64  `json:"part_size"`
	}
	if err := e.call("POST", "/api/uploads", map[string]any{"name": filepath.Base(name), "size": info.Size()}, &up); err != nil {
		return "", err
	}
	part := make([]byte, up.PartSize)
	for up.Offset < info.Size() {
		n, err := f.ReadAt(part, up.Offset)
		if err != nil && err != io.EOF {
			return "", err
		}
		if err := e.sendPart(up.ID, up.Offset, part[:n]); err != nil {
			return "", err
		}
		up.Offset += int64(n)
		if e.TTY && !e.JSON {
			fmt.Fprintf(e.Err, "\r  sent %d%%  %s bytes ", up.Offset*100/info.Size(), count(up.Offset))
		}
	}
	if e.TTY && !e.JSON {
		fmt.Fprint(e.Err, "\r\033[K")
	}
	return up.ID, nil
}

func (e *Env) sendPart(id string, offset int64, b []byte) error {
	c, err := e.Client()
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		resp, err := c.Send(e.Ctx, "PATCH", fmt.Sprintf("%s?offset=%d", path("api", "uploads", id), offset), "application/octet-stream", bytes.NewReader(b), "application/json")
		if err == nil {
			return resp.Body.Close()
		}
		if try == 3 || forge.KindOf(err) != forge.KindUnavailable {
			return err
		}
	}
}

// Rejects shows rows that could not be taken.
type Rejects struct {
	Table string `arg:"" names:"table" help:"Table whose rejected rows to show."`
	Limit int    `default:"20" help:"How many."`
}

type rejectList struct {
	Rejects []ingest.Reject `json:"rejects"`
	Total   int64           `json:"total"`
}

// Answer implements Answerer.
func (*Rejects) Answer() any { return rejectList{} }

func (c *Rejects) Run(e *Env) error {
	var out rejectList
	if err := e.call("GET", fmt.Sprintf("%s?limit=%d", path("api", "rejects", c.Table), c.Limit), nil, &out); err != nil {
		return err
	}
	if done, err := e.printJSON(out); done {
		return err
	}
	if out.Total == 0 {
		e.printf("no row of %s was rejected\n", c.Table)
		return nil
	}
	var rows [][]string
	for _, r := range out.Rejects {
		rows = append(rows, []string{r.Source, fmt.Sprint(r.Line), r.Column, r.Value, r.Reason})
	}
	e.printf("%s of %s\n", plural(out.Total, "rejected row", "rejected rows"), c.Table)
	e.Table([]string{"SOURCE", "LINE", "COLUMN", "VALUE", "REASON"}, rows)
	return nil
}
