package barnevernsregister_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"samsyn/adapters"
	"samsyn/adapters/adapterstest"
	"samsyn/adapters/barnevernsregister"
	sim "samsyn/internal/sim/barnevernsregister"
)

const familyDir = "../../testdata/families/barnevernsregister"

// family gives the families' deliveries without the planted broken one.
func family(t testing.TB) fstest.MapFS {
	t.Helper()
	names, err := filepath.Glob(familyDir + "/*.xml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no deliveries in %s (%v)", familyDir, err)
	}
	out := fstest.MapFS{}
	for _, n := range names {
		if body := read(t, n); filepath.Base(n) != "avkuttet.xml" {
			out[filepath.Base(n)] = &fstest.MapFile{Data: body, Mode: 0o600}
		}
	}
	return out
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func drop(t testing.TB, data fs.FS) string {
	t.Helper()
	dir := t.TempDir()
	if err := sim.Deliver(data, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, c barnevernsregister.Config) adapters.Adapter {
	t.Helper()
	a, err := c.Open(adapters.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestContract(t *testing.T) {
	adapterstest.Run(t, adapterstest.Fixture{
		Paged: true,
		Open: func(t *testing.T) adapters.Adapter {
			return open(t, barnevernsregister.Config{Dir: drop(t, family(t)), PageSize: 3})
		},
		Change: func(t *testing.T) (adapters.Adapter, func()) {
			dir := drop(t, family(t))
			return open(t, barnevernsregister.Config{Dir: dir, PageSize: 3}), func() {
				body := strings.ReplaceAll(string(read(t, filepath.Join(dir, "amina-1.xml"))), "2026-00088", "2026-00089")
				if err := sim.Put(dir, "amina-1.xml", []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
		},
		Poisoned: func(t *testing.T) (adapters.Adapter, string) {
			return open(t, barnevernsregister.Config{Dir: drop(t, os.DirFS(familyDir)), PageSize: 3}), "avkuttet.xml"
		},
		Down: func(t *testing.T) adapters.Adapter {
			return open(t, barnevernsregister.Config{Dir: filepath.Join(t.TempDir(), "away")})
		},
	})
}

func TestRecordNamesCaseAndDelivery(t *testing.T) {
	a := open(t, barnevernsregister.Config{FS: family(t)})
	groups := map[string]int{}
	for _, p := range adapterstest.Pass(t, a, "") {
		for _, r := range p.Records {
			groups[r.Group]++
			if r.Kind != barnevernsregister.Kind || r.Version != r.Key || r.Changed.IsZero() {
				t.Errorf("record %+v", r)
			}
		}
	}
	counts := map[int]int{}
	for _, n := range groups {
		counts[n]++
	}
	// Teo and the fork have three deliveries, the gap two, Amina and the pseudo number one.
	if counts[3] != 2 || counts[2] != 1 || counts[1] != 2 {
		t.Errorf("deliveries per case: %v", counts)
	}
}

func TestFaults(t *testing.T) {
	good := string(family(t)["amina-1.xml"].Data)
	swap := func(old, new string) []byte {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("the delivery has no %q", old)
		}
		return []byte(strings.Replace(good, old, new, 1))
	}
	cases := map[string]struct {
		body []byte
		want string
	}{
		"empty":             {nil, "well-formed"},
		"not XML":           {[]byte("hei"), "well-formed"},
		"something after":   {append([]byte(good), "<x/>"...), "well-formed"},
		"DOCTYPE":           {swap("<Barnevern ", "<!DOCTYPE Barnevern [<!ENTITY a \"b\">]><Barnevern "), "DOCTYPE"},
		"another root":      {[]byte("<Individ/>"), "Individ"},
		"a namespace":       {swap("<Barnevern ", `<Barnevern xmlns="urn:v5" `), "urn:v5"},
		"two cases":         {swap("</Barnevern>", `<Sak Id="x"/></Barnevern>`), "more than one Sak"},
		"no case":           {[]byte(good[:strings.Index(good, "<Sak")] + "</Barnevern>"), "no Sak"},
		"unknown element":   {swap("<Plan ", `<Kartlegging Kode="1"/><Plan `), "Kartlegging"},
		"unknown attribute": {swap("<Plan ", `<Plan Ansvarlig="x" `), "Ansvarlig"},
		"missing attribute": {swap(` Plantype="7"`, ""), "Plantype"},
		"an id that is none": {swap(`<Plan Id="`, `<Plan Id="x`),
			"element Plan on line"},
		"a day that is none":   {swap(`"2026-09-10"`, `"2026-02-30"`), "no date of the calendar"},
		"a time without zone":  {swap("02:00:05+02:00", "02:00:05"), "DatoUttrekk"},
		"a short number":       {swap(`Fodselsnummer="3`, `Fodselsnummer="`), "Fodselsnummer is not of the form"},
		"text where none is":   {swap("<Avgiver ", "tekst<Avgiver "), "text beside"},
		"an element with text": {swap("<MedvirkningType>1.1", "<MedvirkningType><b/>"), "text alone"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			data := family(t)
			delete(data, "amina-1.xml")
			data["amina-x.xml"] = &fstest.MapFile{Data: c.body}
			var faults []adapters.Fault
			records := 0
			for _, p := range adapterstest.Pass(t, open(t, barnevernsregister.Config{FS: data}), "") {
				faults = append(faults, p.Faults...)
				records += len(p.Records)
			}
			if len(faults) != 1 || records != 9 {
				t.Fatalf("%d faults and %d records, want one and nine", len(faults), records)
			}
			f := faults[0]
			if !errors.Is(f.Err, adapters.ErrMalformed) || !strings.Contains(f.Err.Error(), c.want) || !strings.Contains(f.Where, "amina-x.xml") {
				t.Errorf("fault %v, want it to say %q and name the file", f, c.want)
			}
			if strings.Contains(f.Error(), "30911760068") || strings.Contains(f.Error(), "0911760068") {
				t.Error("the fault shows the child's number")
			}
		})
	}
}

func TestAFileBeingWrittenHeals(t *testing.T) {
	dir := drop(t, family(t))
	a := open(t, barnevernsregister.Config{Dir: dir})
	whole := read(t, filepath.Join(dir, "teo-3.xml"))
	if err := sim.Begin(dir, "teo-3.xml", whole, len(whole)/2); err != nil {
		t.Fatal(err)
	}
	pages := adapterstest.Pass(t, a, "")
	if len(pages) != 1 || len(pages[0].Faults) != 1 || len(pages[0].Records) != 9 {
		t.Fatalf("%d pages, first %+v", len(pages), pages[0].Faults)
	}
	fault := pages[0].Faults[0]
	if err := sim.Put(dir, "teo-3.xml", whole); err != nil {
		t.Fatal(err)
	}
	again := adapterstest.Pass(t, a, pages[0].Next)
	for _, p := range again {
		for _, r := range p.Records {
			if r.Key == fault.Key {
				return
			}
		}
	}
	t.Error("the delivery does not come under the fault's key when it is whole")
}

func TestANewFileWithAnEarlierNameIsFound(t *testing.T) {
	data := family(t)
	late := data["amina-1.xml"]
	delete(data, "amina-1.xml")
	dir := drop(t, data)
	a := open(t, barnevernsregister.Config{Dir: dir, PageSize: 2})
	pages := adapterstest.Pass(t, a, "")
	end := pages[len(pages)-1].Next
	if rest := adapterstest.Pass(t, a, end); len(rest) != 0 {
		t.Fatalf("%d pages where nothing has come", len(rest))
	}
	if err := sim.Put(dir, "aaa.xml", late.Data); err != nil {
		t.Fatal(err)
	}
	rest := adapterstest.Pass(t, a, end)
	if len(rest) != 1 || len(rest[0].Records) != 1 {
		t.Fatalf("%d pages, want the new file alone", len(rest))
	}
	if err := sim.Remove(dir, "teo-1.xml"); err != nil {
		t.Fatal(err)
	}
	// A cleaned-up folder is read anew; nothing is said to be gone.
	again := adapterstest.Pass(t, a, rest[0].Next)
	n := 0
	for _, p := range again {
		n += len(p.Records)
		for _, r := range p.Records {
			if r.Deleted {
				t.Errorf("delivery %s is said to be deleted because its file was cleaned up", r.Key)
			}
		}
	}
	if n != 9 {
		t.Errorf("%d records after the clean-up, want 9", n)
	}
}

func TestCopiesAndClashes(t *testing.T) {
	data := family(t)
	teo := data["teo-1.xml"].Data
	data["z-copy.xml"] = &fstest.MapFile{Data: teo}
	data["z-clash.xml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(data["amina-1.xml"].Data), "2026-00088", "2026-00999", 1))}
	a := open(t, barnevernsregister.Config{FS: data, PageSize: 4})
	parts := map[string][]adapters.Record{}
	for _, p := range adapterstest.Pass(t, a, "") {
		for _, r := range p.Records {
			parts[r.Group] = append(parts[r.Group], r)
		}
	}
	for group, records := range parts {
		whole, held, err := a.(adapters.Assembler).Assemble(group, records)
		switch body := string(records[0].Body); {
		case err != nil:
			t.Error(err)
		case strings.Contains(body, "2025-00113") && (len(records) != 4 || len(held) != 0 || whole == nil):
			t.Errorf("a copy of a delivery: %d parts, held %v", len(records), held)
		case strings.Contains(body, "2026-00088") && (len(held) != 1 || whole != nil):
			t.Errorf("a delivery with two contents: whole %v, held %v", whole, held)
		}
	}
}

func TestWhatIsNoDelivery(t *testing.T) {
	data := family(t)
	data[".skjult.xml"] = &fstest.MapFile{Data: []byte("x")}
	data["teo-4.xml.part"] = &fstest.MapFile{Data: []byte("x")}
	data["arkiv/gammel.xml"] = &fstest.MapFile{Data: []byte("x")}
	data["06851060136.zip"] = &fstest.MapFile{Data: []byte("x")}
	var faults []adapters.Fault
	for _, p := range adapterstest.Pass(t, open(t, barnevernsregister.Config{FS: data}), "") {
		faults = append(faults, p.Faults...)
	}
	if len(faults) != 1 || !strings.Contains(faults[0].Where, ".zip") {
		t.Fatalf("faults %v, want the .zip alone", faults)
	}
	if s := faults[0].Error() + faults[0].Key; strings.Contains(s, "06851060136") {
		t.Errorf("a number in a file name is shown: %s", s)
	}
}

func TestCheckAndConfig(t *testing.T) {
	dir := drop(t, family(t))
	ok := open(t, barnevernsregister.Config{Dir: dir}).(adapters.Checker)
	if err := ok.Check(context.Background()); err != nil {
		t.Error(err)
	}
	away := open(t, barnevernsregister.Config{Dir: filepath.Join(dir, "06851060136")}).(adapters.Checker)
	if err := away.Check(context.Background()); !errors.Is(err, adapters.ErrUnavailable) || strings.Contains(err.Error(), "06851060136") {
		t.Errorf("a missing folder gives %v", err)
	}
	for _, c := range []barnevernsregister.Config{{}, {Dir: "x", PageSize: -1}} {
		errs := c.Validate()
		if len(errs) != 1 || !errors.Is(errs[0], adapters.ErrConfig) {
			t.Errorf("%+v gives %v", c, errs)
		}
		if _, err := c.Open(adapters.Deps{}); !errors.Is(err, adapters.ErrConfig) {
			t.Errorf("opening %+v gives %v", c, err)
		}
	}
}
