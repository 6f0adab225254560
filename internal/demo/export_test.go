package demo_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"samsyn/internal/sim"
	"samsyn/testdata"
)

// TestAGuardianTakesOutEverything: over HTTP, as an archive; the same where barnevern holds
// something as where it does not. Nobody else gets one, and who asks is told what she would be of nobody.
func TestAGuardianTakesOutEverything(t *testing.T) {
	full := registered(t)
	bare := registeredOf(t, without{testdata.Families(), []string{sim.Barnevernsregister, sim.FiksInnsyn}})
	var taken []map[string]string
	for _, w := range []*world{full, bare} {
		address := "/barn/" + string(w.people["ella"]) + "/eksport"
		taken = append(taken, unpacked(t, w, w.get(t, "hanne", address)))
		for _, viewer := range []string{"anders", "teo", "dag", "nobody"} {
			nobody := strings.Repeat("0", len(w.people["ella"]))
			a := strings.ReplaceAll(w.get(t, viewer, address), "<ella>", "X")
			b := strings.ReplaceAll(w.get(t, viewer, "/barn/"+nobody+"/eksport"), nobody, "X")
			if a != b || !strings.HasPrefix(a, "404") {
				t.Errorf("%s: %.80s\nfor nobody: %.80s", viewer, a, b)
			}
		}
	}
	if !strings.Contains(taken[0]["index.html"], "Ella Lyngstad") || len(taken[0]) != 7 {
		t.Errorf("%d files; the page is %s", len(taken[0]), taken[0]["index.html"])
	}
	for _, name := range slices.Sorted(maps.Keys(taken[0])) {
		if taken[0][name] != taken[1][name] {
			t.Errorf("%s tells of barnevern:\n%s\n%s", name, taken[0][name], taken[1][name])
		}
	}
	if files := unpacked(t, full, full.get(t, "teo", "/barn/"+string(full.people["teo"])+"/eksport")); !strings.Contains(files["fhir.json"], "Patient/<teo>") {
		t.Error("a youth gets nothing of her own")
	}
}

// unpacked gives the files of an answer that is an archive.
func unpacked(t *testing.T, w *world, answer string) map[string]string {
	t.Helper()
	head, body, _ := strings.Cut(answer, "\n\n")
	if !strings.HasPrefix(head, "200\n") || !strings.Contains(head, "Content-Type: application/zip") || !strings.Contains(head, `filename="samsyn.zip"`) || !strings.Contains(head, "Cache-Control: no-store") {
		t.Fatalf("the answer is %.300s", head)
	}
	z, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for name, id := range w.people {
			text = strings.ReplaceAll(text, string(id), "<"+name+">")
		}
		all[f.Name] = versionID.ReplaceAllString(text, "<version>")
	}
	return all
}
