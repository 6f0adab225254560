package fiksinnsyn_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/adapters/fiksinnsyn"
)

// Take a pushed message: the host stores the page and only then answers.
func Example() {
	a, err := fiksinnsyn.Config{}.Open(adapters.Deps{Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/adapters/fiksinnsyn/mappe/8e646ae8-0839-5a1b-9030-2e199ddde040",
		strings.NewReader(`{"tittel":"Barnevernssak","systemId":"s-1","organisasjonsnummer":"310001074"}`))
	r.Header.Set("Content-Type", "application/json")
	page, err := a.(adapters.Receiver).Receive(r.Context(), r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Records[0].Kind, page.Records[0].Key)
	// Output: mappe 8e646ae8-0839-5a1b-9030-2e199ddde040
}
