package barnevernsregister_test

import (
	"testing"
	"testing/fstest"

	"samsyn/adapters"
	"samsyn/adapters/barnevernsregister"
)

// FuzzDelivery: whatever a file holds, it is a record or a fault and never both, and a
// record can be assembled.
func FuzzDelivery(f *testing.F) {
	for _, file := range family(f) {
		f.Add(file.Data)
	}
	f.Add(read(f, familyDir+"/avkuttet.xml"))
	f.Add([]byte(`<Barnevern Id="x"><Sak/></Barnevern>`))
	f.Add([]byte("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe5</a>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := barnevernsregister.Config{FS: fstest.MapFS{"x.xml": {Data: body}}}.Open(adapters.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		listed := 0
		for page, err := range a.Fetch(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			listed += page.Listed()
			for _, r := range page.Records {
				whole, held, err := a.(adapters.Assembler).Assemble(r.Group, []adapters.Record{r})
				if err != nil || (whole == nil) == (len(held) == 0) {
					t.Fatalf("whole %v, held %v, %v", whole, held, err)
				}
			}
			for _, fault := range page.Faults {
				if fault.Err == nil || fault.Where == "" || fault.Key == "" {
					t.Fatalf("fault %+v", fault)
				}
			}
		}
		if listed != 1 {
			t.Fatalf("%d things listed in one file", listed)
		}
	})
}
