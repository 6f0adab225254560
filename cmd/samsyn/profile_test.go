package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/mapping"
)

// ownProfiles is a folder with one guide of a municipality.
func ownProfiles(t *testing.T, typ, rules string) string {
	t.Helper()
	dir := t.TempDir()
	text := "guide: fjordvik\nprofiles:\n  - type: " + typ + "\n    rules:\n" + rules
	if err := os.WriteFile(filepath.Join(dir, "fjordvik.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func ranText(t *testing.T, want int, args ...string) (out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, &stdout, &stderr); code != want {
		t.Fatalf("samsyn %v ended with %d, want %d: %s%s", args, code, want, stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String()
}

func TestOwnProfiles(t *testing.T) {
	record := filepath.Join("..", "..", "testdata", "records", "fiksinnsyn", "mappe", "teo.input.json")
	before, _ := ranText(t, 0, "map", "run", "fiksinnsyn/mappe", record)
	if !strings.Contains(before, `"EpisodeOfCare"`) {
		t.Fatalf("the record makes no service any more: %s", before)
	}

	const rule = "message: our services say which team, element: team, min: 1 }\n"
	warns := ownProfiles(t, "EpisodeOfCare", "      - { rule: who, severity: warning, "+rule)
	after, told := ranText(t, 0, "map", "run", "fiksinnsyn/mappe", record, "--profiles", warns)
	if after != before {
		t.Error("a warning changes what is made")
	}
	if !strings.Contains(told, "EpisodeOfCare.team: fjordvik:who: our services say which team (1)") {
		t.Errorf("told %q", told)
	}
	var asJSON struct {
		Made     []any
		Warnings []mapping.Warning
	}
	ran(t, 0, &asJSON, "map", "run", "fiksinnsyn/mappe", record, "--profiles", warns, "--json")
	if len(asJSON.Made) == 0 || len(asJSON.Warnings) != 1 || asJSON.Warnings[0].Rule != "fjordvik:who" || asJSON.Warnings[0].Count != 1 {
		t.Errorf("as JSON: %+v", asJSON.Warnings)
	}

	refuses := ownProfiles(t, "EpisodeOfCare", "      - { rule: who, "+rule)
	if out, _ := ranText(t, 1, "map", "run", "fiksinnsyn/mappe", record, "--profiles", refuses); !strings.Contains(out, "rule fjordvik:who: our services say which team") {
		t.Errorf("an error refuses: %s", out)
	}
	records := filepath.Join("..", "..", "testdata", "records")
	if out, _ := ranText(t, 1, "map", "test", "fiksinnsyn/mappe", "--records", records, "--profiles", refuses); !strings.Contains(out, "fjordvik:who") {
		t.Errorf("map test: %s", out)
	}
	ranText(t, 0, "map", "test", "fiksinnsyn/mappe", "--records", records)
}

func TestLintProfiles(t *testing.T) {
	dir := ownProfiles(t, "CarePlan", "      - { rule: title, message: m, element: titel, min: 1 }\n      - { rule: x, element: title, min: 1 }\n")
	var found []finding
	ran(t, 1, &found, "map", "lint", "--profiles", dir, "--json")
	file := filepath.Join(dir, "fjordvik.yaml")
	if len(found) != 2 || found[0].File != file || found[0].Line != 5 || found[0].Level != "error" || !strings.Contains(found[0].Message, "no element titel") || found[1].Line != 6 {
		t.Errorf("found %+v", found)
	}
	out, _ := ranText(t, 1, "map", "lint", "--profiles", dir)
	if !strings.Contains(out, file+":5:45: error: CarePlan has no element titel") {
		t.Errorf("told %s", out)
	}
	ranText(t, 0, "map", "lint", "--profiles", t.TempDir())
}
