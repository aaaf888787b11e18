package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// formats are how bodies are read and written: JSON, as huma does it, but for what two
// readers could take differently. A body is read twice, once to be checked and once for
// the handler; of a key that comes twice the check would see the last value alone while
// the handler's fields are filled from both.
func formats() map[string]huma.Format {
	f := huma.DefaultJSONFormat
	f.Unmarshal = func(data []byte, v any) error {
		if err := json.Unmarshal(data, v); err != nil {
			return err
		}
		if _, check := v.(*any); check {
			return unambiguous(data)
		}
		return nil
	}
	return map[string]huma.Format{"application/json": f, "json": f}
}

// unambiguous refuses valid JSON that has a key twice in one object, or bytes that are no
// text.
func unambiguous(data []byte) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return once(d)
}

// once reads one value. It calls itself no deeper than json.Unmarshal has allowed.
func once(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	var seen map[string]bool
	if open == '{' {
		seen = map[string]bool{}
	}
	for d.More() {
		if seen != nil {
			t, err := d.Token()
			if err != nil {
				return err
			}
			key, _ := t.(string)
			if seen[key] {
				return fmt.Errorf("the key %.100q is given twice in one object", key)
			}
			seen[key] = true
		}
		if err := once(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
