package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"aiforge.dev/forge"
	"aiforge.dev/forge/internal/httpapi"
)

// TestClientBehindProxies: a client's address is what a trusted proxy heard it from,
// whatever the client itself says.
func TestClientBehindProxies(t *testing.T) {
	proxies, err := httpapi.ParseProxies([]string{"10.0.0.0/8", "192.168.1.1", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	none, _ := httpapi.ParseProxies(nil)
	for _, c := range []struct {
		name    string
		proxies httpapi.Proxies
		peer    string
		said    []string
		want    string
	}{
		{"no proxies", none, "10.0.0.1:9", []string{"203.0.113.5"}, "10.0.0.1"},
		{"a stranger's word", proxies, "198.51.100.7:9", []string{"203.0.113.5"}, "198.51.100.7"},
		{"beside a trusted one", proxies, "192.168.1.2:9", []string{"203.0.113.5"}, "192.168.1.2"},
		{"one proxy", proxies, "10.0.0.1:9", []string{"203.0.113.5"}, "203.0.113.5"},
		{"a proxy that says nothing", proxies, "10.0.0.1:9", nil, "10.0.0.1"},
		{"two proxies", proxies, "10.0.0.1:9", []string{"203.0.113.5, 192.168.1.1"}, "203.0.113.5"},
		{"forged first entry", proxies, "10.0.0.1:9", []string{"1.1.1.1, 203.0.113.5"}, "203.0.113.5"},
		{"forged header before the proxy's", proxies, "10.0.0.1:9", []string{"1.1.1.1", "203.0.113.5"}, "203.0.113.5"},
		{"forged trusted entry", proxies, "10.0.0.1:9", []string{"1.1.1.1, 10.9.9.9, 203.0.113.5, 10.0.0.2"}, "203.0.113.5"},
		{"forged rubbish", proxies, "10.0.0.1:9", []string{"x' or 1=1, 203.0.113.5"}, "203.0.113.5"},
		{"rubbish of the proxy", proxies, "10.0.0.1:9", []string{"203.0.113.5, unknown"}, "10.0.0.1"},
		{"nothing after a comma", proxies, "10.0.0.1:9", []string{"203.0.113.5,"}, "10.0.0.1"},
		{"a client within", proxies, "10.0.0.1:9", []string{"10.0.0.44"}, "10.0.0.44"},
		{"with a port", proxies, "10.0.0.1:9", []string{"203.0.113.5:4711"}, "203.0.113.5"},
		{"IPv6", proxies, "[fd00::1]:9", []string{"2001:db8::5"}, "2001:db8::5"},
		{"IPv6 with a port", proxies, "[fd00::1]:9", []string{"[2001:db8::5]:80"}, "2001:db8::5"},
		{"IPv4 as IPv6", proxies, "[::ffff:10.0.0.1]:9", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
	} {
		var got string
		h := c.proxies.Client(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = httpapi.RemoteHost(r.RemoteAddr) }))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.said
		r.Header.Set("Forwarded", "for=9.9.9.9")
		r.Header.Set("X-Real-Ip", "9.9.9.9")
		if h.ServeHTTP(httptest.NewRecorder(), r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if r.RemoteAddr != c.peer {
			t.Errorf("%s: the caller's request was changed", c.name)
		}
	}
}

func TestProxiesThatCannotBe(t *testing.T) {
	for _, s := range []string{"", "proxy.example", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1:80", "10.0.0.1-10.0.0.9"} {
		if _, err := httpapi.ParseProxies([]string{s}); forge.KindOf(err) != forge.KindInvalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}
