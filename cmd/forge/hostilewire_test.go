package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestHostileRequests: what is no proper request of HTTP is refused at the door, and the
// server goes on.
func TestHostileRequests(t *testing.T) {
	f := shared(t)
	token := f.owner(t)
	auth := "Host: localhost\r\nAuthorization: Bearer " + token + "\r\n"
	const sql = `{"sql": "select 1"}`
	for what, c := range map[string]struct {
		request string
		status  []int
	}{
		"a URL of 1 MB":            {"GET /api/" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n" + auth + "\r\n", []int{414, 431}},
		"a query of 1 MB":          {"GET /api/tables?x=" + strings.Repeat("%41", 350_000) + " HTTP/1.1\r\n" + auth + "\r\n", []int{414, 431}},
		"a header of 1 MB":         {"GET /api/tables HTTP/1.1\r\n" + auth + "X-Long: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", []int{431}},
		"50,000 headers":           {"GET /api/tables HTTP/1.1\r\n" + auth + strings.Repeat("X-A: b\r\n", 50_000) + "\r\n", []int{431}},
		"two lengths":              {"POST /api/sql HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\nContent-Length: 19\r\nContent-Length: 5\r\n\r\n" + sql, []int{400}},
		"a length and chunks":      {"POST /api/sql HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n" + sql + "\r\n0\r\n\r\n", []int{200}}, // chunks win: RFC 9112, 6.3
		"no chunk":                 {"POST /api/sql HTTP/1.1\r\n" + auth + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + sql, []int{400, 422}},
		"a negative length":        {"POST /api/sql HTTP/1.1\r\n" + auth + "Content-Length: -1\r\n\r\n", []int{400}},
		"a length of 2^63":         {"POST /api/sql HTTP/1.1\r\n" + auth + "Content-Length: 9223372036854775808\r\n\r\n", []int{400}},
		"an encoding nobody knows": {"POST /api/sql HTTP/1.1\r\n" + auth + "Transfer-Encoding: xchunked\r\n\r\n" + sql, []int{400, 501}},
		"two tokens":               {"GET /api/tables HTTP/1.1\r\n" + auth + "Authorization: Bearer x\r\n\r\n", []int{401}},
		"two hosts":                {"GET /api/tables HTTP/1.1\r\n" + auth + "Host: evil.example\r\n\r\n", []int{400}},
		"no host":                  {"GET /api/tables HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n", []int{400}},
		"a header in a header":     {"GET /api/tables HTTP/1.1\r\n" + auth + "X-A: b\x00c\r\n\r\n", []int{400}},
		"a space before the colon": {"GET /api/tables HTTP/1.1\r\n" + auth + "X-A : b\r\n\r\n", []int{400}},
		"no HTTP":                  {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []int{400}},
		"HTTP/9":                   {"GET /api/tables HTTP/9.9\r\n" + auth + "\r\n", []int{505}},
	} {
		status, err := f.send(c.request)
		ok := false
		for _, s := range c.status {
			ok = ok || s == status
		}
		if err != nil || !ok {
			t.Errorf("%s: %d %v, want %v", what, status, err, c.status)
		}
	}
	if a := f.ask(token, "POST", "/api/sql", sql); a.status != 200 {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

// send writes bytes to the server and reads the status of its answer. The server may
// answer and close before it has read all.
func (f *forged) send(request string) (int, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(f.app.Base(), "http://"))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_, _ = io.WriteString(c, request)
	}()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, fmt.Errorf("no answer: %w", err)
	}
	defer res.Body.Close()
	_ = c.Close()
	<-wrote
	return res.StatusCode, nil
}
