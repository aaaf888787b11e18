package mask_test

import (
	"fmt"
	"strings"
	"testing"

	"aiforge.dev/forge/lake/mask"
)

func numbered(format string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i+1)
	}
	return out
}

func TestDetect(t *testing.T) {
	few := strings.Fields
	tests := []struct {
		name   string
		values []string
		number bool
		want   mask.Kind
	}{
		{"contact_details", few("a@example.org bob.b@mail.example.com c+d@x.co"), false, mask.Email},
		{"c1", few("DE89370400440532013000 GB82WEST12345698765432 FR1420041010050500013M02606"), false, mask.IBAN},
		{"c2", few("4111111111111111 5555555555554444 378282246310005 2221000000000009 3530111333300000"), false, mask.Card},
		{"c3", few("4111111111111112 5555555555554445 378282246310006"), false, ""}, // wrong check digits
		{"c4", few("4111111111111111 5555555555554444"), true, mask.Card},           // as numbers
		{"c5", few("10.0.0.1 192.168.1.77 2001:db8::1"), false, mask.IP},
		{"c6", few("123-45-6789 001-01-0001 899-99-9999"), false, mask.SSN},
		{"c7", few("000-45-6789 666-01-0001 987-99-9999"), false, ""},
		{"c8", []string{"+49 30 1234567", "(030) 123-4567", "+1 212 555 0199"}, false, mask.Phone},
		{"c9", few("1732536000 1732536001 1732536002"), false, ""}, // epoch seconds
		{"c10", []string{"12 Main Street", "221b Baker St", "Hauptstraße 5", "7 Rue Road"}, false, mask.Address},
		{"phone", few("2125550199 2125550100 2125550101"), true, mask.Phone},
		{"dob", few("1980-01-12 1975-03-04 2001-12-31"), false, mask.BirthDate},
		{"Date of Birth", []string{"12 Jan 1980", "3 Mar 1975"}, false, mask.BirthDate},
		{"date", few("04-21-1991 04-22-1991 04-23-1991"), false, ""},
		{"time", few("9:09 17:08 22:51"), false, ""},
		{"first_name", few("Ada Grace Alan Edsger"), false, mask.Name},
		{"customer_name", few("Ada Grace Alan Edsger"), false, mask.Name},
		{"product_name", few("Mug Lantern Doormat"), false, ""},
		{"name", few("Ada Grace"), false, ""},
		{"patient_id", numbered("P%02d", 70), false, mask.PersonID},
		{"CustomerID", numbered("%d", 50), true, mask.PersonID},
		{"customer-id", numbered("%d", 50), true, mask.PersonID},
		{"user_id", numbered("u%d", 50), false, mask.PersonID},
		{"customer_type", few("new old"), false, ""},
		{"call_id", numbered("%d", 50), true, ""},
		{"InvoiceNo", numbered("5363%d", 50), false, ""},
		{"postcode", few("10115 10117 20095 80331 50667"), true, mask.Address},
		{"age", numbered("%d", 60), true, ""},
		{"job", few("admin. services housemaid"), false, ""},
		{"contact", few("telephone cellular"), false, ""},
		{"duration", numbered("%d", 900), true, ""},
		{"emp.var.rate", few("1.1 1.4 -0.1 -1.8"), true, ""},
		{"Country", few("France Spain Germany"), false, ""},
		{"empty", nil, false, ""},
	}
	for _, test := range tests {
		got := mask.Detect([]mask.Column{{Name: test.name, Values: test.values, Numeric: test.number}})
		switch {
		case test.want == "" && len(got) > 0:
			t.Errorf("%s: found %+v, want nothing", test.name, got)
		case test.want != "" && (len(got) != 1 || got[0].Kind != test.want || got[0].Column != test.name || got[0].Reason == ""):
			t.Errorf("%s: found %+v, want %s", test.name, got, test.want)
		}
	}
}

func TestFindingTag(t *testing.T) {
	if tag := (mask.Finding{Kind: mask.Email}).Tag(); tag != "pii:email" {
		t.Errorf("tag %s", tag)
	}
}

func FuzzDetect(f *testing.F) {
	f.Add("phone", "+49 30 1234567")
	f.Add("x", "4111111111111111")
	f.Add("iban", "DE89370400440532013000")
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, found := range mask.Detect([]mask.Column{{Name: name, Values: []string{value, value}}}) {
			if found.Confidence < 0.5 || found.Confidence > 1 || found.Column != name {
				t.Errorf("%q %q: %+v", name, value, found)
			}
		}
	})
}
