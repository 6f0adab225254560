package web_test

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	variable = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{3,6});`)
	dark     = regexp.MustCompile(`(?s)@media \(prefers-color-scheme: dark\) \{(.*?)\n\}`)
)

// colours are the variables of the style sheet, light and dark.
func colours(t *testing.T) map[string]map[string]string {
	t.Helper()
	css := open(t, families(), anders).ask(http.MethodGet, "/static/samsyn.css", nil).Body.String()
	out := map[string]map[string]string{"light": {}, "dark": {}}
	night := dark.FindString(css)
	if night == "" {
		t.Fatal("the style sheet has no dark colours")
	}
	for scheme, part := range map[string]string{"light": strings.Replace(css, night, "", 1), "dark": night} {
		for _, m := range variable.FindAllStringSubmatch(part, -1) {
			out[scheme][m[1]] = m[2]
		}
	}
	return out
}

// luminance is WCAG 2.1's relative luminance of "#rgb" or "#rrggbb".
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	hex = strings.TrimPrefix(hex, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrastFormula(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000", "#fff", 21}, {"#fff", "#ffffff", 1}, {"#777", "#fff", 4.48}} {
		if got := contrast(t, c.a, c.b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: %.2f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// TestColoursCanBeTold holds every pair of colours that the style sheet uses against
// WCAG 2.1, 1.4.3 (text, 4.5) and 1.4.11 (edges of controls and focus, 3).
func TestColoursCanBeTold(t *testing.T) {
	pairs := []struct {
		text, ground string
		least        float64
	}{
		{"ink", "paper", 4.5}, {"ink", "card", 4.5}, {"ink", "accent-soft", 4.5}, {"ink", "info-soft", 4.5}, {"ink", "watch-soft", 4.5}, {"ink", "act-soft", 4.5},
		{"soft", "paper", 4.5}, {"soft", "card", 4.5}, {"soft", "watch-soft", 4.5}, {"soft", "act-soft", 4.5}, {"soft", "accent-soft", 4.5},
		{"accent", "paper", 4.5}, {"accent", "card", 4.5}, {"accent", "accent-soft", 4.5}, {"accent", "info-soft", 4.5}, {"card", "accent", 4.5},
		{"act", "act-soft", 4.5}, {"watch", "watch-soft", 4.5}, {"info", "info-soft", 4.5},
		{"edge", "paper", 3}, {"edge", "card", 3}, {"act", "paper", 3},
	}
	for scheme, vars := range colours(t) {
		if len(vars) < 14 {
			t.Errorf("%s has only %d colours", scheme, len(vars))
		}
		for _, p := range pairs {
			a, b := vars[p.text], vars[p.ground]
			if a == "" || b == "" {
				t.Errorf("%s: no colour %s or %s", scheme, p.text, p.ground)
				continue
			}
			if got := contrast(t, a, b); got < p.least {
				t.Errorf("%s: %s on %s is %.2f, at least %.1f is needed", scheme, p.text, p.ground, got, p.least)
			}
		}
	}
}
