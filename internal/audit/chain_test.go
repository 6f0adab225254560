package audit_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"samsyn/internal/audit"
	"samsyn/internal/care"
)

func key(t testing.TB, kind string, first byte) audit.Key {
	t.Helper()
	secret := bytes.Repeat([]byte{7}, 32)
	secret[0] = first
	k, err := audit.ParseKey(kind + base64.StdEncoding.EncodeToString(secret))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// chain makes a log of n rows, and its head after every tenth and after the last.
func chain(t testing.TB, n int, k audit.Key) ([]audit.Row, []audit.Exported) {
	t.Helper()
	var rows []audit.Row
	var exported []audit.Exported
	var head audit.Head
	for i := range n {
		body := fmt.Appendf(nil, `{"resourceType":"AuditEvent","id":"e%d"}`, i)
		link := audit.Chain(head, body)
		rows = append(rows, audit.Row{Link: link, Body: body})
		if head = link.Head(); i%10 == 9 || i == n-1 {
			x, err := k.Export("910000010", head, noon, false)
			if err != nil {
				t.Fatal(err)
			}
			exported = append(exported, x)
		}
	}
	return rows, exported
}

func all(rows []audit.Row) iter.Seq2[audit.Row, error] {
	return func(yield func(audit.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func verify(t testing.TB, rows []audit.Row, exported ...audit.Exported) audit.Checked {
	t.Helper()
	c, err := audit.Verify(all(rows), exported...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func kinds(c audit.Checked) []audit.FaultKind {
	var found []audit.FaultKind
	for _, f := range c.Faults {
		found = append(found, f.Kind)
	}
	return found
}

func TestWholeChainIsWell(t *testing.T) {
	rows, exported := chain(t, 57, key(t, "ed25519:", 1))
	if c := verify(t, rows, exported...); !c.Well() || c.Rows != 57 || c.Head != rows[56].Head() {
		t.Errorf("%+v", c)
	}
	if c := verify(t, nil); !c.Well() || c.Head != (audit.Head{}) {
		t.Errorf("an empty log: %+v", c)
	}
}

func TestEachKindOfFault(t *testing.T) {
	k := key(t, "ed25519:", 1)
	for _, c := range []struct {
		name   string
		tamper func([]audit.Row) []audit.Row
		want   audit.FaultKind
	}{
		{"body", func(r []audit.Row) []audit.Row { r[4].Body = []byte("{}"); return r }, audit.FaultBody},
		{"number", func(r []audit.Row) []audit.Row { r[29].Seq = 31; return r }, audit.FaultGap},
		{"hash", func(r []audit.Row) []audit.Row { r[4].Hash[0]++; return r }, audit.FaultPrev},
		{"cut out", func(r []audit.Row) []audit.Row { return slices.Delete(r, 4, 6) }, audit.FaultGap},
		{"put in", func(r []audit.Row) []audit.Row { return slices.Insert(r, 4, r[2]) }, audit.FaultOrder},
		{"exchanged", func(r []audit.Row) []audit.Row { r[4], r[5] = r[5], r[4]; return r }, audit.FaultOrder},
		{"bodies exchanged", func(r []audit.Row) []audit.Row { r[4].Body, r[5].Body = r[5].Body, r[4].Body; return r }, audit.FaultBody},
		{"beginning", func(r []audit.Row) []audit.Row { return r[3:] }, audit.FaultStart},
		{"beginning at an exported head", func(r []audit.Row) []audit.Row { return r[10:] }, audit.FaultStart},
		{"tail", func(r []audit.Row) []audit.Row { return r[:29] }, audit.FaultTail},
		{"tail at an exported head", func(r []audit.Row) []audit.Row { return r[:20] }, audit.FaultTail},
		{"everything", func(r []audit.Row) []audit.Row { return nil }, audit.FaultTail},
		{"another first", func(r []audit.Row) []audit.Row { r[0].Prev[3] = 1; return r }, audit.FaultPrev},
		{"written anew", func(r []audit.Row) []audit.Row { return rewritten(r, 4) }, audit.FaultHead},
	} {
		rows, exported := chain(t, 30, k)
		if found := kinds(verify(t, c.tamper(rows), exported...)); !slices.Contains(found, c.want) {
			t.Errorf("%s: found %v, not %s", c.name, found, c.want)
		}
	}
}

// rewritten is the log of one who can write to the database and knows how it is chained:
// another body, and every link after it made to fit.
func rewritten(rows []audit.Row, from int) []audit.Row {
	rows[from].Body = []byte(`{"resourceType":"AuditEvent","id":"other"}`)
	var head audit.Head
	if from > 0 {
		head = rows[from-1].Head()
	}
	for i := from; i < len(rows); i++ {
		rows[i].Link = audit.Chain(head, rows[i].Body)
		head = rows[i].Head()
	}
	return rows
}

// A log whose oldest rows were deleted for their age, as an export says, is whole.
func TestPrunedLogIsWhole(t *testing.T) {
	k := key(t, "ed25519:", 1)
	rows, exported := chain(t, 30, k)
	pruned, err := k.Export("910000010", rows[11].Head(), noon, true)
	if err != nil {
		t.Fatal(err)
	}
	if c := verify(t, rows[12:], append(exported, pruned)...); !c.Well() {
		t.Errorf("%v", c.Faults)
	}
	for name, cut := range map[string][]audit.Row{"less": rows[11:], "more": rows[13:]} {
		if found := kinds(verify(t, cut, append(exported, pruned)...)); !slices.Contains(found, audit.FaultStart) {
			t.Errorf("%s than the export says: %v", name, found)
		}
	}
}

// 1,000 of 1,000 random changes are found, whoever made them knows of the chain or not.
// The rows after the last export are the only ones that such a one can write anew.
func TestEveryTamperingIsFound(t *testing.T) {
	k := key(t, "hmac:", 1)
	tries := size(200, 1000)
	random := rand.New(rand.NewPCG(20261127, 5))
	for i := range tries {
		rows, exported := chain(t, 2+random.IntN(60), k)
		n := len(rows)
		at, other := random.IntN(n), random.IntN(n)
		how := random.IntN(9)
		tampered := slices.Clone(rows)
		switch how {
		case 0: // one bit of a body
			b := bytes.Clone(tampered[at].Body)
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			tampered[at].Body = b
		case 1: // rows cut out
			tampered = slices.Delete(tampered, min(at, other), max(at, other)+1)
		case 2: // a row written twice
			tampered = slices.Insert(tampered, at, tampered[other])
		case 3: // a row of one's own, with a link that fits the one before
			fake := audit.Row{Body: []byte("{}")}
			if at > 0 {
				fake.Link = audit.Chain(tampered[at-1].Head(), fake.Body)
			} else {
				fake.Link = audit.Chain(audit.Head{}, fake.Body)
			}
			tampered = slices.Insert(tampered, at, fake)
		case 4: // two rows exchanged, their numbers with them
			if at == other {
				other = (at + 1) % n
			}
			tampered[at], tampered[other] = tampered[other], tampered[at]
		case 5: // the contents of two rows exchanged
			if at == other {
				other = (at + 1) % n
			}
			tampered[at].Body, tampered[other].Body = tampered[other].Body, tampered[at].Body
		case 6: // the tail cut
			tampered = tampered[:at]
		case 7: // everything after a row written anew
			tampered = rewritten(tampered, at)
		case 8: // a hash or number changed
			if random.IntN(2) == 0 {
				tampered[at].Hash[random.IntN(32)] ^= 1 << random.IntN(8)
			} else {
				tampered[at].Seq += 1 + random.Int64N(5)
			}
		}
		if verify(t, tampered, exported...).Well() {
			t.Fatalf("try %d: tampering %d at %d/%d of %d was not found", i, how, at, other, n)
		}
	}
	t.Logf("%d of %d found", tries, tries)
}

// What a row is found by stands outside of its hash: a row that is hidden by another
// person, viewer or time is found all the same.
func TestIndexIsVerified(t *testing.T) {
	e := opened()
	body, err := e.FHIR(fjordvik)
	if err != nil {
		t.Fatal(err)
	}
	row := audit.Row{Link: audit.Chain(audit.Head{}, body), Body: body}
	for name, c := range map[string]struct {
		index audit.Index
		well  bool
	}{
		"its own":        {audit.Index{Person: e.Person, Viewer: e.Viewer.ID, At: e.At.Truncate(time.Microsecond)}, true},
		"another person": {audit.Index{Person: "p2", Viewer: e.Viewer.ID, At: e.At}, false},
		"nobody":         {audit.Index{Viewer: e.Viewer.ID, At: e.At}, false},
		"another viewer": {audit.Index{Person: e.Person, Viewer: "bo", At: e.At}, false},
		"another time":   {audit.Index{Person: e.Person, Viewer: e.Viewer.ID, At: e.At.Add(time.Second)}, false},
	} {
		row.Index = &c.index
		if got := verify(t, []audit.Row{row}); got.Well() != c.well || !c.well && got.Faults[0].Kind != audit.FaultIndex {
			t.Errorf("%s: %v", name, got.Faults)
		}
	}
	row = audit.Row{Link: audit.Chain(audit.Head{}, []byte("{}")), Body: []byte("{}"), Index: &audit.Index{}}
	if verify(t, []audit.Row{row}).Well() {
		t.Error("a body that is no event agrees with its index")
	}
}

func TestVerifyTellsWhatCannotBeRead(t *testing.T) {
	rows, _ := chain(t, 3, audit.Key{})
	_, err := audit.Verify(func(yield func(audit.Row, error) bool) {
		if yield(rows[0], nil) {
			yield(audit.Row{}, care.ErrUnavailable)
		}
	})
	if !errors.Is(err, care.ErrUnavailable) || !strings.Contains(err.Error(), "after row 1") {
		t.Errorf("%v", err)
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	rows, _ := chain(t, 1500, audit.Key{})
	for i := range rows {
		rows[i].Body = nil
	}
	if c := verify(t, rows); len(c.Faults) != 1000 || c.More != 500 {
		t.Errorf("%d told, %d more", len(c.Faults), c.More)
	}
}

// Only what was signed with the key is taken, and nothing of it may be changed.
func TestExportsAreSigned(t *testing.T) {
	keys := map[string]audit.Key{"ed25519": key(t, "ed25519:", 1), "hmac": key(t, "hmac:", 1), "other ed25519": key(t, "ed25519:", 2), "other hmac": key(t, "hmac:", 2), "none": {}}
	rows, _ := chain(t, 12, audit.Key{})
	for name, k := range keys {
		x, err := k.Export("910000010", rows[11].Head(), noon, false)
		if err != nil {
			t.Fatal(err)
		}
		line, err := x.Line()
		if err != nil {
			t.Fatal(err)
		}
		for checked, with := range keys {
			got, err := audit.ReadExports(append(line, line...), "910000010", with)
			if checked != name {
				if !errors.Is(err, care.ErrInvalid) {
					t.Errorf("signed with %s, checked with %s: %v", name, checked, err)
				}
				continue
			}
			if err != nil || len(got) != 2 || got[0].Hash != x.Hash || !got[1].At.Equal(noon) {
				t.Errorf("%s: %v %+v", name, err, got)
			}
		}
		if name == "none" {
			continue
		}
		for _, change := range []func(*audit.Exported){
			func(x *audit.Exported) { x.Seq++ }, func(x *audit.Exported) { x.Hash[5]++ }, func(x *audit.Exported) { x.Pruned = true },
			func(x *audit.Exported) { x.Instance = "91000001" }, func(x *audit.Exported) { x.At = x.At.Add(1) }, func(x *audit.Exported) { x.Signature[0]++ },
			func(x *audit.Exported) { x.Signature = nil }, func(x *audit.Exported) { x.Key = "" },
		} {
			changed := x
			changed.Signature = bytes.Clone(x.Signature)
			change(&changed)
			if err := k.Check(changed); !errors.Is(err, care.ErrInvalid) {
				t.Errorf("%s: a changed export is taken: %+v", name, changed)
			}
		}
		if _, err := audit.ReadExports(line, "910000029", k); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: another instance's head is taken", name)
		}
	}
	public, err := audit.ParseKey(keys["ed25519"].Public())
	if err != nil {
		t.Fatal(err)
	}
	x, err := keys["ed25519"].Export("910000010", rows[11].Head(), noon, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := public.Check(x); err != nil {
		t.Error(err)
	}
	if _, err := public.Export("910000010", rows[11].Head(), noon, false); !errors.Is(err, care.ErrInvalid) {
		t.Errorf("a public key signs: %v", err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for _, text := range []string{"x", "hmac:", "hmac:AAAA", "ed25519:****", "ed25519:" + base64.StdEncoding.EncodeToString(make([]byte, 31)), "rsa:AAAA"} {
		if _, err := audit.ParseKey(text); !errors.Is(err, care.ErrInvalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if k, err := audit.ParseKey(" \n"); err != nil || !k.IsZero() || k.Public() != "" {
		t.Errorf("no key: %v %v", k, err)
	}
}

func TestExportsThatAreNone(t *testing.T) {
	for _, line := range []string{"{", "[]", `{"seq":1,"x":2}`, `{"seq":-1}`, `{"seq":0,"hash":"` + strings.Repeat("1", 64) + `"}`, `{"seq":1,"hash":"AA"}`, `{"seq":1,"hash":"` + strings.Repeat("F", 64) + `"}`, `{"seq":1} x`} {
		if _, err := audit.ReadExports([]byte("\n"+line+"\n"), "", audit.Key{}); !errors.Is(err, care.ErrInvalid) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// A row's hash is the same for ever: a log that was written before a change of the
// program is verified after it.
func TestHashIsFixed(t *testing.T) {
	first := audit.Chain(audit.Head{}, []byte(`{"resourceType":"AuditEvent"}`))
	second := audit.Chain(first.Head(), nil)
	const one, two = "02876f8e4fe604df8ec99f2e746f3ae6acee4faf5277fda14b2860967c27d0ff", "cd1cace1d98b5487be9043804da9c8d6d7481be6d5ee7eafd7fe3f3c72f9b84c"
	if first.Hash.String() != one || second.Hash.String() != two || second.Prev != first.Hash || second.Seq != 2 {
		t.Errorf("%s\n%s", first.Hash, second.Hash)
	}
}

func FuzzReadExports(f *testing.F) {
	rows, exported := chain(f, 3, audit.Key{})
	for _, x := range exported {
		line, err := x.Line()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Add([]byte(`{"instance":"a","seq":1,"hash":"` + strings.Repeat("0", 64) + `","at":"2026-11-27T12:00:00Z"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		all, err := audit.ReadExports(file, "", audit.Key{})
		if err != nil {
			if !errors.Is(err, care.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		var again []byte
		for _, x := range all {
			line, err := x.Line()
			if err != nil {
				t.Skip("a time that RFC 3339 cannot write")
			}
			again = append(again, line...)
		}
		back, err := audit.ReadExports(again, "", audit.Key{})
		if err != nil || len(back) != len(all) {
			t.Fatalf("%v: %s became %s", err, file, again)
		}
		_ = verify(t, rows, all...)
	})
}

func FuzzFromFHIR(f *testing.F) {
	for _, what := range audit.Interactions() {
		e := opened()
		e.Interaction = what
		body, err := e.FHIR(fjordvik)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"resourceType":"AuditEvent","agent":[{},{},{}],"entity":[{"type":{"system":"https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType","code":"XrequestId"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := audit.FromFHIR(body)
		if err != nil {
			if !errors.Is(err, care.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		written, err := e.FHIR(fjordvik)
		if err != nil {
			t.Fatal(err)
		}
		back, err := audit.FromFHIR(written)
		if err != nil {
			t.Fatal(err)
		}
		again, err := back.FHIR(fjordvik)
		if err != nil || !bytes.Equal(again, written) {
			t.Fatalf("%v\n%s\n%s", err, written, again)
		}
	})
}
