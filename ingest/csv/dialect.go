// Package csv reads delimited text of unknown make: it guesses encoding, delimiter,
// quoting, header and column types from a sample (Sniff), and cuts a file of any
// size into chunks of whole records in one canonical form (Split): UTF-8, comma,
// RFC 4180 quoting, no header. Records that are not well formed come out as rejects
// with their line. Nothing here knows what becomes of the chunks.
package csv

import (
	"bytes"
	"io"
	"strings"

	"aiforge.dev/forge"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Encodings that Split reads.
const (
	UTF8        = "utf-8"
	UTF16LE     = "utf-16le"
	UTF16BE     = "utf-16be"
	Latin1      = "iso-8859-1"
	Windows1252 = "windows-1252"
)

// Dialect says how a file is written.
type Dialect struct {
	Encoding  string `json:"encoding"`
	Delimiter string `json:"delimiter" doc:"One character; empty: the whole line is one column"`
	Quote     string `json:"quote" doc:"One character, or empty"`
	Escape    string `json:"escape,omitempty" doc:"\\ where a quote inside quotes is written \\\"; else it is doubled"`
	LineEnd   string `json:"line_end,omitempty" doc:"cr for files of old Macs; else LF and CRLF, mixed"`
	Skip      int    `json:"skip,omitempty" doc:"Lines before the header or the first row"`
	Header    bool   `json:"header"`
}

// syntax is a Dialect as the scanner wants it; 0 is none.
type syntax struct{ delim, quote, escape byte }

func (d Dialect) syntax() syntax {
	one := func(s string) byte {
		if s == "" {
			return 0
		}
		return s[0]
	}
	return syntax{one(d.Delimiter), one(d.Quote), one(d.Escape)}
}

// canonical reports whether well-formed records can be passed on as they are.
func (s syntax) canonical() bool {
	return s.delim == ',' && (s.quote == '"' || s.quote == 0) && s.escape == 0
}

// check refuses a dialect that the scanner cannot follow.
func (d Dialect) check() error {
	for name, s := range map[string]string{"delimiter": d.Delimiter, "quote": d.Quote, "escape": d.Escape} {
		if len(s) > 1 || strings.ContainsAny(s, "\n\r\x00") || len(s) == 1 && s[0] >= 0x80 {
			return forge.Errorf(forge.KindInvalid, nil, "%s %q: want one ASCII character", name, s)
		}
	}
	if d.Delimiter != "" && d.Delimiter == d.Quote {
		return forge.Errorf(forge.KindInvalid, nil, "delimiter and quote are both %q", d.Quote)
	}
	return nil
}

// reader turns the file's bytes into UTF-8 with LF or CRLF line ends, without a
// byte order mark.
func (d Dialect) reader(r io.Reader) (io.Reader, error) {
	var enc encoding.Encoding
	switch d.Encoding {
	case UTF8, "":
		r = &bomReader{r: r}
	case UTF16LE:
		enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case UTF16BE:
		enc = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case Latin1:
		enc = charmap.ISO8859_1
	case Windows1252:
		enc = charmap.Windows1252
	default:
		return nil, forge.Errorf(forge.KindInvalid, nil, "encoding %q: want %s, %s, %s, %s or %s", d.Encoding, UTF8, UTF16LE, UTF16BE, Latin1, Windows1252)
	}
	if enc != nil {
		r = transform.NewReader(r, enc.NewDecoder())
	}
	if d.LineEnd == "cr" {
		r = crReader{r}
	}
	return r, nil
}

var bom = []byte{0xEF, 0xBB, 0xBF}

// bomReader drops a byte order mark at the start.
type bomReader struct {
	r    io.Reader
	rest []byte
	seen bool
}

func (b *bomReader) Read(p []byte) (int, error) {
	if !b.seen {
		b.seen = true
		head := make([]byte, len(bom))
		n, err := io.ReadFull(b.r, head)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return 0, err
		}
		b.rest = bytes.TrimPrefix(head[:n], bom)
	}
	if len(b.rest) > 0 {
		n := copy(p, b.rest)
		b.rest = b.rest[n:]
		return n, nil
	}
	return b.r.Read(p)
}

// crReader makes LF of CR.
type crReader struct{ r io.Reader }

func (c crReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for b := p[:n]; ; {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			return n, err
		}
		b[i] = '\n'
		b = b[i+1:]
	}
}
