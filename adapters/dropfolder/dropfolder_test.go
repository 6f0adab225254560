package dropfolder_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"samsyn/adapters/dropfolder"
)

func TestListLeavesOutWhatIsBeingWritten(t *testing.T) {
	at := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	folder := fstest.MapFS{}
	for _, name := range []string{"b.xml", "a.json", ".hidden", "a.xml~", "c.tmp", "c.PART", "c.filepart", "c.partial", "c.writing", "below/d.xml"} {
		folder[name] = &fstest.MapFile{Data: []byte("x"), ModTime: at}
	}
	files, err := dropfolder.List(folder)
	if err != nil || len(files) != 2 || files[0] != (dropfolder.File{Name: "a.json", Size: 1, Changed: at, Regular: true}) || files[1].Name != "b.xml" {
		t.Errorf("%+v %v", files, err)
	}
	if _, err := dropfolder.List(fstest.MapFS{"x": &fstest.MapFile{}}); err != nil {
		t.Error(err)
	}
}

// TestMark: it moves with everything that a listing tells, and never looks like a number.
func TestMark(t *testing.T) {
	at := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	one := dropfolder.File{Name: "a", Size: 1, Changed: at, Regular: true}
	seen := map[string]bool{}
	for _, files := range [][]dropfolder.File{nil, {one}, {one, one}, {{"b", 1, at, true}}, {{"a", 2, at, true}}, {{"a", 1, at.Add(1), true}}, {{"a", 1, at, false}}} {
		seen[dropfolder.Mark(files)] = true
	}
	if len(seen) != 7 || !seen[dropfolder.Mark([]dropfolder.File{one})] {
		t.Errorf("%d marks of seven listings", len(seen))
	}
	letters := regexp.MustCompile(`^[a-p]{24}$`)
	for i := range 1000 {
		if m := dropfolder.Mark([]dropfolder.File{{Name: fmt.Sprint(i)}}); !letters.MatchString(m) {
			t.Fatalf("mark %s", m)
		}
	}
}

func TestSafeNameHasNoNationalNumber(t *testing.T) {
	number := strings.Repeat("0", 11)
	one, other := dropfolder.SafeName("sak "+number+".xml"), dropfolder.SafeName("vedtak "+number+".xml")
	if strings.Contains(one, number) || one == other || !strings.HasPrefix(one, "sak [11 digits, ") {
		t.Errorf("%q and %q", one, other)
	}
	if name := dropfolder.SafeName(number + " " + number); strings.Contains(name, number) {
		t.Errorf("%q", name)
	}
	if name := dropfolder.SafeName("sak-12.xml"); name != "sak-12.xml" {
		t.Errorf("%q", name)
	}
}
