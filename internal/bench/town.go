package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsyn/adapters"
)

// perChild is how many records there are of each child; each makes one resource.
const perChild = 23

// pageChildren is how many children's records stand on one page: 506 records.
const pageChildren = 22

// kinds are a child's records in the order in which they are listed, and how many of each.
var kinds = []struct {
	kind  string
	n     int
	parts []part
}{
	{"Patient", 1, parse(`{"resourceType":"Patient","id":"§i",§m,"identifier":[{"use":"official","system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"§n"}],"active":true,` +
		`"name":[{"use":"official","family":"Barnesen§c","given":["Syntet"]}],"gender":"female","birthDate":"2014-03-14","managingOrganization":{"reference":"Organization/k","identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.101","value":"310001007"},"display":"Fjordvik kommune"},` +
		`"generalPractitioner":[{"type":"Practitioner","identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"9900100"},"display":"§s"}],"address":[{"text":"§3"}]}`)},
	{"CareTeam", 1, parse(`{"resourceType":"CareTeam","id":"§i",§m,"status":"active","category":[{"coding":[{"system":"urn:x:teamtype","code":"IP","display":"Ansvarsgruppe"}],"text":"Ansvarsgruppe for individuell plan"}],"name":"Ansvarsgruppen §s",§b,"period":{"start":"2024-02-01"},"participant":[` +
		member("8", "9900011") + "," + member("9", "9900037") + "," + member("21", "9900053") + `],"managingOrganization":[{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.101","value":"310001708"},"display":"Tildelingskontoret"}]}`)},
	{"CarePlan", 3, parse(`{"resourceType":"CarePlan","id":"§i",§m,"status":"active","intent":"plan","category":[{"coding":[{"system":"urn:x:plantype","code":"IP","display":"Individuell plan"}],"text":"Individuell plan"}],"title":"Individuell plan §s","description":"§4",§b,"period":{"start":"2026-09-20"},` +
		`"author":{"reference":"Organization/t","identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.101","value":"310001708"},"display":"Tildelingskontoret"},"activity":[` +
		strings.Repeat(activity+",", 3) + activity + `],"note":[{"time":"2026-09-20T10:00:00+02:00","text":"§4"}]}`)},
	{"Goal", 3, parse(`{"resourceType":"Goal","id":"§i",§m,"lifecycleStatus":"active","category":[{"coding":[{"system":"urn:x:plantype","code":"IP","display":"Individuell plan"}],"text":"Individuell plan"}],"description":{"text":"§s"},§b,"startDate":"2024-02-01","target":[{"dueDate":"2026-12-31"}],"expressedBy":{"display":"Syntet"},"note":[{"time":"2026-09-20T10:00:00+02:00","text":"§5"}]}`)},
	{"ServiceRequest", 5, parse(`{"resourceType":"ServiceRequest","id":"§i",§m,"status":"active","intent":"order","category":[{"coding":[{"system":"urn:x:kategori","code":"VEDTAK","display":"Vedtak"}],"text":"Vedtak"}],"code":{"text":"§s"},§b,"authoredOn":"2025-10-20",` +
		`"requester":{"type":"Practitioner","identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"9900100"},"display":"Saksbehandler"},"performer":[{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.101","value":"310001708"},"display":"Tildelingskontoret"}],"note":[{"text":"§3"}]}`)},
	{"Encounter", 10, parse(`{"resourceType":"Encounter","id":"§i",§m,"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"type":[{"text":"§s"}],§b,` +
		`"participant":[{"individual":{"type":"Practitioner","identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"9900053"},"display":"Ole Strand"}}],"period":{"start":"2026-10-15T13:00:00+02:00","end":"2026-10-15T14:00:00+02:00"},` +
		`"reasonCode":[{"text":"§3"}],"serviceProvider":{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.102","value":"4900020"},"display":"Habilitering for barn og unge"}}`)},
}

const activity = `{"detail":{"kind":"Task","code":{"text":"§s"},"status":"in-progress","description":"§2","scheduledPeriod":{"start":"2026-09-20"},"performer":[{"display":"Lyngbakken skole","identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.101","value":"310001147"}}]}}`

func member(role, hpr string) string {
	return `{"role":[{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9034","code":"` + role + `"}],"text":"Rolle ` + role + `"}],"member":{"type":"Practitioner","identifier":{"system":"urn:oid:2.16.578.1.12.4.1.4.4","value":"` + hpr + `"},"display":"§s"},"onBehalfOf":{"display":"Fjordvik kommune"},"period":{"start":"2024-02-01"}}`
}

// part is a piece of a form, and what stands after it: i id, m meta, n national number,
// c number of the child, b subject, s a short text, 2 to 5 as many hundreds of bytes of text.
type part struct {
	text  string
	field byte
}

func parse(form string) []part {
	var out []part
	for {
		before, after, more := strings.Cut(form, "§")
		if !more {
			return append(out, part{text: before})
		}
		out, form = append(out, part{before, after[0]}), after[1:]
	}
}

// town is a synthetic municipality. Its records are made as they are asked for, and are the
// same each time.
type town struct {
	numbers []string // of its children; valid and of nobody
	version int      // of every record
}

func newTown(children int) *town { return &town{numbers: numbers(children), version: 1} }

// at is the same town with every record changed to a version.
func (t *town) at(version int) *town { return &town{t.numbers, version} }

func (t *town) records() int { return len(t.numbers) * perChild }

// average is how many bytes a record has.
func (t *town) average() float64 {
	var room []byte
	for k := range kinds {
		for n := range kinds[k].n {
			_, room = t.record(k, 0, n, room)
		}
	}
	return float64(len(room)) / perChild
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// record is record n of a child's of one kind. Its body is put after into.
func (t *town) record(kind, child, n int, into []byte) (adapters.Record, []byte) {
	k := kinds[kind]
	var name [24]byte
	key := string(fmtKey(name[:0], child, n))
	changed := epoch.AddDate(0, 0, t.version)
	seed := uint64(child*perChild+n+1)*0x9e3779b97f4a7c15 ^ uint64(kind)
	start := len(into)
	for _, p := range k.parts {
		into = append(into, p.text...)
		switch p.field {
		case 'i':
			into = append(into, key...)
		case 'm':
			into = append(into, `"meta":{"versionId":"`...)
			into = strconv.AppendInt(into, int64(t.version), 10)
			into = append(into, `","lastUpdated":"`...)
			into = changed.AppendFormat(into, time.RFC3339)
			into = append(into, `"}`...)
		case 'n':
			into = append(into, t.numbers[child]...)
		case 'c':
			into = strconv.AppendInt(into, int64(child), 10)
		case 'b':
			into = append(into, `"subject":{"reference":"Patient/`...)
			into = fmtKey(into, child, 0)
			into = append(into, `","type":"Patient"}`...)
		case 's': // what changes with the version
			into = words(into, 24, &seed)
			into = strconv.AppendInt(into, int64(t.version), 10)
		case 0:
		default:
			into = words(into, int(p.field-'0')*100, &seed)
		}
	}
	body := into[start:len(into):len(into)]
	return adapters.Record{Kind: k.kind, Key: key, Version: strconv.Itoa(t.version), Changed: changed, Media: adapters.JSON, Body: body}, into
}

func fmtKey(into []byte, child, n int) []byte {
	into = append(into, "b-"...)
	into = append(into, strconv.Itoa(1_000_000 + child)[1:]...)
	into = append(into, '-')
	return append(into, strconv.Itoa(100 + n)[1:]...)
}

var vocabulary = strings.Fields("vedtak avlastning oppfølging møte samtale skole barnehage helsestasjon koordinator plan mål tiltak evaluering foreldre klasse trinn støtte fritid vurdering henvisning")

// words puts about n bytes of words after into.
func words(into []byte, n int, seed *uint64) []byte {
	for end := len(into) + n; len(into) < end; {
		*seed ^= *seed << 13
		*seed ^= *seed >> 7
		*seed ^= *seed << 17
		into = append(into, vocabulary[*seed%uint64(len(vocabulary))]...)
		into = append(into, ' ')
		into = strconv.AppendUint(into, *seed>>52, 36)
		into = append(into, ' ')
	}
	return into
}

// numbers gives n valid national numbers of nobody (month + 80), each once.
func numbers(n int) []string {
	out := make([]string, 0, n)
	for i := 0; len(out) < n; i++ {
		first := fmt.Sprintf("%02d%02d%02d%03d", i%28+1, 81+i/28%12, 10+i/336%10, 500+i/3360%500)
		if whole, ok := checked(first); ok {
			out = append(out, whole)
		}
	}
	return out
}

// checked adds the two check digits (mod 11); not every nine digits have them.
func checked(first string) (string, bool) {
	for _, weights := range []string{"376189452", "5432765432"} {
		sum := 0
		for i := range weights {
			sum += int(weights[i]-'0') * int(first[i]-'0')
		}
		switch digit := (11 - sum%11) % 11; digit {
		case 10:
			return "", false
		default:
			first += strconv.Itoa(digit)
		}
	}
	return first, true
}
