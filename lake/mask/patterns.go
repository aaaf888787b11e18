package mask

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// detector recognises one kind by its values. trust is the confidence when all
// values match and nothing else is known.
type detector struct {
	kind      Kind
	what      string
	trust     float64
	digits    bool // a numeric column may hold it
	needsName bool // values alone prove too little: plain numbers and dates
	match     func(string) bool
}

var detectors = []detector{
	{kind: Email, what: "e-mail addresses", trust: 0.99, match: emailRE.MatchString},
	{kind: IBAN, what: "IBANs with a right check number", trust: 0.99, match: isIBAN},
	{kind: Card, what: "card numbers with a right check digit", trust: 0.97, digits: true, match: isCard},
	{kind: IP, what: "IP addresses", trust: 0.9, match: isIP},
	{kind: SSN, what: "written like social security numbers", trust: 0.85, match: isSSN},
	{kind: Phone, what: "written like telephone numbers", trust: 0.8, match: isPhone},
	{kind: Phone, what: "digits of a telephone number's length", trust: 0.3, digits: true, needsName: true, match: digitsRE(7, 15).MatchString},
	{kind: SSN, what: "nine digits", trust: 0.3, digits: true, needsName: true, match: digitsRE(9, 9).MatchString},
	{kind: BirthDate, what: "dates", trust: 0.3, needsName: true, match: dateRE.MatchString},
	{kind: Address, what: "street addresses", trust: 0.8, match: streetRE.MatchString},
}

var (
	emailRE  = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
	ssnRE    = regexp.MustCompile(`^(\d{3})-(\d{2})-(\d{4})$`)
	phoneRE  = regexp.MustCompile(`^(?:\+|00)?[ ]?\(?\d{1,4}\)?(?:[ ./-]?\(?\d{1,5}\)?){1,6}$`)
	dateRE   = regexp.MustCompile(`^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4})(?:[ T].*)?$`)
	streetRE = regexp.MustCompile(`(?i)^(?:\d{1,5}[a-z]?,?\s+(?:\pL+\.?\s+){1,4}(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|court|ct|boulevard|blvd|way|place|pl|square|sq)\b|(?:\pL+[\s-]?){1,3}(?:stra(?:ss|ß)e|str\.|weg|gasse|allee|platz)\s*\d{1,4}|(?:rue|via|calle|avenida)\s+\pL+).*`)
	ibanRE   = regexp.MustCompile(`^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$`)
	cardRE   = regexp.MustCompile(`^\d(?:[ -]?\d){11,18}$`)
)

func digitsRE(min, max int) *regexp.Regexp {
	return regexp.MustCompile(`^\d{` + strconv.Itoa(min) + `,` + strconv.Itoa(max) + `}$`)
}

// isCard takes 12 to 19 digits with a right Luhn digit and the first digits of a
// card scheme, so that running numbers of other kinds (one in ten has a right digit)
// are not taken.
func isCard(s string) bool {
	if !cardRE.MatchString(s) {
		return false
	}
	d := strings.NewReplacer(" ", "", "-", "").Replace(s)
	return luhn(d) && cardScheme(d)
}

func cardScheme(d string) bool {
	two, _ := strconv.Atoi(d[:2])
	four, _ := strconv.Atoi(d[:4])
	switch {
	case d[0] == '4': // Visa
		return len(d) == 13 || len(d) == 16 || len(d) == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720: // Mastercard, 2-series too
		return len(d) == 16
	case two == 34 || two == 37: // American Express
		return len(d) == 15
	case two == 36 || two == 38 || four >= 3000 && four <= 3059: // Diners
		return len(d) >= 14
	case four >= 3528 && four <= 3589, two == 60, two == 62, two == 64, two == 65: // JCB, Discover, UnionPay
		return len(d) >= 16
	case two == 50, two >= 56 && two <= 58, two == 63, two == 67, two == 69: // Maestro
		return true
	}
	return false
}

// luhn is the check of ISO/IEC 7812-1.
func luhn(digits string) bool {
	sum, zero := 0, true
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		zero = zero && d == 0
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && !zero
}

// isIBAN checks ISO 13616: moved to the end, letters as numbers, modulo 97 is 1.
func isIBAN(s string) bool {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if !ibanRE.MatchString(s) {
		return false
	}
	m := 0
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' {
			m = (m*100 + int(c-'A') + 10) % 97
		} else {
			m = (m*10 + int(c-'0')) % 97
		}
	}
	return m == 1
}

// isSSN leaves out the areas and groups that are never given out.
func isSSN(s string) bool {
	m := ssnRE.FindStringSubmatch(s)
	return m != nil && m[1] != "000" && m[1] != "666" && m[1] < "900" && m[2] != "00" && m[3] != "0000"
}

// isPhone wants a plus or a separator, and 7 to 15 digits: plain digits may be any
// number, and epoch seconds are no telephone numbers. Dates and IP addresses are not.
func isPhone(s string) bool {
	if !phoneRE.MatchString(s) || dateRE.MatchString(s) || isIP(s) || ssnRE.MatchString(s) {
		return false
	}
	digits, marks := 0, 0
	for _, c := range s {
		if c >= '0' && c <= '9' {
			digits++
		} else {
			marks++
		}
	}
	plus := s[0] == '+' || strings.HasPrefix(s, "00")
	decimal := marks == 1 && strings.ContainsRune(s, '.')
	return digits >= 7 && digits <= 15 && !decimal && (plus && digits >= 8 || marks >= 2 || marks == 1 && s[0] == '0')
}

func isIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && (a.Is4() || strings.Count(s, ":") >= 2)
}

func isLetter(r rune) bool { return unicode.IsLetter(r) }
