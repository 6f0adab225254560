package barnevernsregister_test

import (
	"context"
	"fmt"
	"os"

	"samsyn/adapters"
	"samsyn/adapters/barnevernsregister"
)

// Read a drop folder page by page, and fold each case's deliveries.
func Example() {
	a, err := barnevernsregister.Config{FS: os.DirFS(familyDir)}.Open(adapters.Deps{})
	if err != nil {
		fmt.Println(err)
		return
	}
	parts := map[string][]adapters.Record{} // by case
	for page, err := range a.Fetch(context.Background(), "") {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range page.Records {
			parts[r.Group] = append(parts[r.Group], r)
		}
		for _, fault := range page.Faults {
			fmt.Println("not readable:", fault.Where)
		}
	}
	held := 0
	for sak, deliveries := range parts {
		_, waiting, _ := a.(adapters.Assembler).Assemble(sak, deliveries)
		held += len(waiting)
	}
	fmt.Println(len(parts), "cases,", held, "deliveries held")
	// Output:
	// not readable: file avkuttet.xml
	// 5 cases, 3 deliveries held
}
