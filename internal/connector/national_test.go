package connector_test

import (
	"testing"

	"samsyn/internal/connector"
	"samsyn/testdata"
)

func TestNationalNumbersAreSeenInAddresses(t *testing.T) {
	for child, number := range testdata.Children() {
		for _, text := range []string{number, "/person/" + number, "?q=" + number + "&x=1", "a%20" + number[:0] + " " + number, "12345678901," + number} {
			if !connector.ShowsNationalNumber(text) {
				t.Errorf("%s's number is not seen", child)
			}
		}
	}
	for name, text := range map[string]string{
		"milliseconds": "sinceTimeStamp=1763884800000", "an offset": "offset=12345678901", "a token": "c=a02892060188b", "ten digits": "/1763884800", "nothing": "",
		"a day that is none": "99999999999",
	} {
		if connector.ShowsNationalNumber(text) {
			t.Errorf("%s is taken for a national number", name)
		}
	}
	// D-number of Selma, in testdata/README.md.
	if !connector.ShowsNationalNumber("/59882660030") {
		t.Error("a D-number is not seen")
	}
}
