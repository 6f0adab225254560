package scan_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsyn/internal/ops/scan"
)

// number makes a valid number of a date by trying individual digits.
func number(t *rapid.T) string {
	day, month := rapid.IntRange(1, 31).Draw(t, "day"), rapid.IntRange(1, 12).Draw(t, "month")
	day += rapid.SampledFrom([]int{0, 40}).Draw(t, "kind")
	month += rapid.SampledFrom([]int{0, 40, 65, 80}).Draw(t, "synthetic")
	head := fmt.Sprintf("%02d%02d%02d", day, month, rapid.IntRange(0, 99).Draw(t, "year"))
	start := rapid.IntRange(0, 99999).Draw(t, "individual")
	for i := range 100000 {
		if n := head + fmt.Sprintf("%05d", (start+i)%100000); scan.Valid(n) {
			return n
		}
	}
	t.Fatal("there is no such number")
	return ""
}

// Wherever a number stands it is found, and the report does not repeat it.
func TestEveryNumberIsFound(t *testing.T) {
	text := rapid.StringMatching(`[a-z /:="\n]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		n := number(t)
		written := rapid.SampledFrom([]string{n, n[:6] + " " + n[6:], n[:6] + "-" + n[6:]}).Draw(t, "written")
		hits := scan.Text(text.Draw(t, "before") + written + text.Draw(t, "after"))
		if len(hits) != 1 || strings.Contains(hits[0].String(), n) || strings.Contains(hits[0].String(), written) {
			t.Fatalf("%d hits: %v", len(hits), hits)
		}
		changed := []byte(n)
		i := rapid.IntRange(0, 10).Draw(t, "digit")
		changed[i] = '0' + (changed[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if scan.Valid(string(changed)) { // both digits guard every single digit
			t.Fatal("a number with one wrong digit is valid")
		}
	})
}

func TestWhatIsNoNumber(t *testing.T) {
	for _, text := range []string{"", "12345678901", "1763913600000000", "2026-11-23T08:00:00.123456789Z", "urn:oid:2.16.578.1.12.4.1.4.1", "00000000000", "99999999999", "127.0.0.1:43219"} {
		if hits := scan.Text(text); len(hits) > 0 {
			t.Errorf("%q: %v", text, hits)
		}
	}
}

// TestFile scans the file that SAMSYN_SCAN_FILE names: the output of the whole suite in .ci/run.
func TestFile(t *testing.T) {
	name := os.Getenv("SAMSYN_SCAN_FILE")
	if name == "" {
		t.Skip("SAMSYN_SCAN_FILE names no file to scan")
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	body, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) == 0 {
		t.Fatalf("%s is empty", name)
	}
	for _, h := range scan.Text(string(body)) {
		t.Errorf("%s %v", name, h)
	}
}

func FuzzText(f *testing.F) {
	f.Add("x 010203 12345 y\n01020312345678")
	f.Fuzz(func(t *testing.T, text string) {
		for _, h := range scan.Text(text) {
			if h.Line < 1 || h.Line > strings.Count(text, "\n")+1 {
				t.Errorf("line %d of %d", h.Line, strings.Count(text, "\n")+1)
			}
		}
	})
}
