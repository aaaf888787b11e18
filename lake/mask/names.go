package mask

import (
	"strings"
	"unicode"
)

// hint is what a column's name says about it.
type hint struct {
	kind        Kind
	trust       float64
	why         string
	letters     bool // its values must have letters
	needsValues bool // the name alone proves too little
}

var (
	person  = hint{kind: PersonID, trust: 0.9, why: "points at one person"}
	name    = hint{kind: Name, trust: 0.85, why: "holds people's names", letters: true}
	birth   = hint{kind: BirthDate, trust: 0.9, why: "holds dates of birth"}
	address = hint{kind: Address, trust: 0.8, why: "holds postal addresses", letters: true}
	post    = hint{kind: Address, trust: 0.6, why: "holds postal codes"}
	email   = hint{kind: Email, trust: 0.8, why: "holds e-mail addresses", letters: true}
	phone   = hint{kind: Phone, trust: 0.7, why: "holds telephone numbers", needsValues: true}
	card    = hint{kind: Card, trust: 0.6, why: "holds card numbers", needsValues: true}
	ssn     = hint{kind: SSN, trust: 0.9, why: "holds social security numbers"}
	iban    = hint{kind: IBAN, trust: 0.8, why: "holds account numbers", letters: true}
	ip      = hint{kind: IP, trust: 0.6, why: "holds IP addresses", needsValues: true}
)

// hintOf reads a column's name as words: CustomerID, customer-id and customer_id are
// the same. Names such as age, job, city or country describe many people and say
// nothing here; "name" alone may be a product's and needs a person's word beside it.
func hintOf(column string) (hint, bool) {
	words := wordsOf(column)
	joined := strings.Join(words, "_")
	if h, ok := whole[joined]; ok {
		return h, true
	}
	if len(words) >= 2 {
		last, before := words[len(words)-1], words[len(words)-2]
		switch {
		case people[before] && (last == "id" || last == "no" || last == "nr" || last == "number" || last == "key" || last == "uuid" || last == "code"):
			return person, true
		case last == "name" && (people[before] || nameParts[before]):
			return name, true
		}
		if h, ok := lastWords[last]; ok {
			return h, true
		}
	}
	return hint{}, false
}

var people = set("patient subject participant person people customer client user member employee staff student pupil teacher doctor physician nurse citizen resident tenant guest passenger driver policyholder insured account cardholder subscriber borrower applicant candidate voter donor visitor contact household mrn")

var nameParts = set("first last full given family middle maiden sur fore nick user")

var whole = map[string]hint{
	"email": email, "e_mail": email, "mail": email, "email_address": email,
	"phone": phone, "telephone": phone, "mobile": phone, "tel": phone, "cell": phone, "fax": phone, "phone_number": phone, "mobile_number": phone, "contact": {kind: Phone, trust: 0.4, why: "may hold telephone numbers", needsValues: true},
	"card": card, "card_number": card, "credit_card": card, "credit_card_number": card, "pan": card, "cc_number": card, "ccnum": card,
	"ssn": ssn, "social_security_number": ssn, "national_id": ssn, "nin": ssn, "nino": ssn, "tax_id": ssn, "passport": ssn, "passport_number": ssn,
	"iban": iban, "bank_account": iban,
	"firstname": name, "lastname": name, "surname": name, "fullname": name, "forename": name, "first": {kind: Name, trust: 0.4, why: "may hold names", letters: true, needsValues: true},
	"dob": birth, "birthdate": birth, "birthday": birth, "birth_date": birth, "date_of_birth": birth, "born": birth, "born_on": birth,
	"ip": ip, "ip_address": ip, "client_ip": ip, "remote_addr": ip, "ipaddr": ip,
	"address": address, "street": address, "street_address": address, "address_line_1": address, "address_line1": address, "home_address": address, "addr": address,
	"zip": post, "zipcode": post, "zip_code": post, "postcode": post, "post_code": post, "postal_code": post, "plz": post,
	"patient": person, "mrn": person, "medical_record_number": person, "customer": person, "patientid": person, "customerid": person, "userid": person, "memberid": person, "clientid": person,
}

var lastWords = map[string]hint{
	"email": email, "phone": phone, "telephone": phone, "mobile": phone, "ssn": ssn, "iban": iban,
	"dob": birth, "birthdate": birth, "birthday": birth, "surname": name, "firstname": name, "lastname": name,
	"zip": post, "zipcode": post, "postcode": post, "street": address,
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// wordsOf splits at everything that is neither letter nor digit and before a capital
// that follows a small letter or starts a small word: CustomerID is customer, id.
func wordsOf(s string) []string {
	var words []string
	var cur []rune
	flush := func() {
		if len(cur) > 0 {
			words = append(words, strings.ToLower(string(cur)))
			cur = nil
		}
	}
	rs := []rune(s)
	for i, r := range rs {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush()
			continue
		}
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1]) && unicode.IsUpper(rs[i-1])) {
			flush()
		}
		cur = append(cur, r)
	}
	flush()
	return words
}
