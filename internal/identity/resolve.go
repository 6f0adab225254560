package identity

import (
	"maps"
	"slices"
	"strings"
)

// Subject is a source's own key for a person.
type Subject struct{ Source, Key string }

// Compare orders subjects.
func (s Subject) Compare(o Subject) int {
	if c := strings.Compare(s.Source, o.Source); c != 0 {
		return c
	}
	return strings.Compare(s.Key, o.Key)
}

// NumberID stands for a number where the number itself must not stand: a keyed hash.
type NumberID string

// Claim is what one version of one record says about who its subject is.
type Claim struct {
	Subject Subject
	Numbers []StatedNumber
	// Current is false for what an earlier version said. Earlier numbers stay in
	// the history of the person; earlier birth dates were corrected and count no more.
	Current bool
	Born    Born
	// Refused is why a stated number is not among Numbers: ErrPseudo, ErrInvalid or ErrSynthetic.
	Refused []error
}

// StatedNumber is a valid number as a claim states it.
type StatedNumber struct {
	ID   NumberID
	Kind Kind
	Born Born
}

// Ruling is a person's decision about one subject; it outranks what the sources say.
type Ruling string

// The rulings.
const (
	NoRuling Ruling = ""
	// Apart: the subject is not to be linked with anybody.
	Apart Ruling = "apart"
	// OnlyCurrent: what earlier versions of the subject's records said is disregarded.
	OnlyCurrent Ruling = "only-current"
)

// Reason is why a subject waits for a person. A stable code; the page has the words.
type Reason string

// The reasons.
const (
	NoNumber       Reason = "no-number"        // nobody has told whose key this is yet
	PseudoNumber   Reason = "pseudo-number"    // only a placeholder is known
	InvalidNumber  Reason = "invalid-number"   // only numbers that fail their check
	Synthetic      Reason = "synthetic-number" // a test number in a real instance
	TwoNumbers     Reason = "two-numbers"      // two different numbers of one kind
	BirthDate      Reason = "birth-date"       // birth dates contradict each other
	Contested      Reason = "contested-number" // the number is stated together with different persons
	DecidedByHuman Reason = "kept-apart"       // a person decided so
)

// Group is one person: the subjects that are hers and the numbers that made them so.
type Group struct {
	Subjects []Subject
	Numbers  []NumberID
}

// Resolution is who is who.
type Resolution struct {
	Groups  []Group
	Waiting map[Subject]Reason
}

// Resolve decides which subjects are one person. It is a pure function of the
// set of claims: their order does not matter, and claims that share no subject and
// no number, not even through others, do not influence each other. So it may be
// asked about one connected part of all that is known.
//
// Subjects that state the same valid number are one person. A D-number, DUF or
// felles hjelpenummer and a fødselsnummer stated of one subject are one person's,
// unless their birth dates differ. Two different numbers of one kind never are:
// a subject that states both waits; where weaker numbers would tie two of them
// together, it is the weaker numbers that tie nothing any more.
func Resolve(claims []Claim, rulings map[Subject]Ruling) Resolution {
	r := resolver{subjects: map[Subject]*facts{}, kinds: map[NumberID]StatedNumber{}, contested: map[NumberID]bool{}, waiting: map[Subject]Reason{}}
	for _, c := range claims {
		r.hear(c, rulings[c.Subject])
	}
	for s, f := range r.subjects {
		if why := f.doubt(rulings[s]); why != "" {
			r.waiting[s] = why
		}
	}
	for r.settle() { // each round puts a subject or a number out of play, so it ends
	}
	return r.result()
}

// facts is all that is said of one subject.
type facts struct {
	numbers map[NumberID]StatedNumber
	born    map[Born]bool
	refused map[Reason]bool
}

type resolver struct {
	subjects  map[Subject]*facts
	kinds     map[NumberID]StatedNumber
	contested map[NumberID]bool
	waiting   map[Subject]Reason
}

func (r *resolver) hear(c Claim, ruling Ruling) {
	f := r.subjects[c.Subject]
	if f == nil {
		f = &facts{numbers: map[NumberID]StatedNumber{}, born: map[Born]bool{}, refused: map[Reason]bool{}}
		r.subjects[c.Subject] = f
	}
	if c.Current && c.Born.Known() {
		f.born[c.Born] = true
	}
	if !c.Current && ruling == OnlyCurrent {
		return
	}
	for _, n := range c.Numbers {
		f.numbers[n.ID] = n
		r.kinds[n.ID] = n
	}
	for _, err := range c.Refused {
		f.refused[reasonOf(err)] = true
	}
}

// doubt is why the subject cannot be linked, judged by its own claims alone.
func (f *facts) doubt(ruling Ruling) Reason {
	if ruling == Apart {
		return DecidedByHuman
	}
	if len(f.numbers) == 0 {
		for _, why := range []Reason{Synthetic, InvalidNumber, PseudoNumber} {
			if f.refused[why] {
				return why
			}
		}
		return NoNumber
	}
	count := map[Kind]int{}
	var born []Born
	for _, n := range f.numbers {
		count[n.Kind]++
		born = append(born, n.Born)
	}
	for k, n := range count {
		if n > 1 && k != Hjelpenummer { // every hospital gives its own hjelpenummer
			return TwoNumbers
		}
	}
	if contradict(slices.AppendSeq(born, maps.Keys(f.born))) {
		return BirthDate
	}
	return ""
}

// settle looks at the groups as they are now and takes out what contradicts. It
// tells whether anything was taken out.
func (r *resolver) settle() bool {
	changed := false
	for _, g := range r.groups() {
		switch kind, bad := r.clash(g.Numbers); {
		case bad:
			r.contest(g.Numbers, kind)
			changed = true
		default:
			changed = r.checkBirthDates(g) || changed
		}
	}
	return changed
}

// clash is the strongest kind of which the numbers hold two, or whose birth date
// contradicts a stronger number's.
func (r *resolver) clash(numbers []NumberID) (Kind, bool) {
	var stronger []Born
	for _, k := range kinds {
		n := 0
		for _, id := range numbers {
			if r.kinds[id].Kind == k {
				n++
				stronger = append(stronger, r.kinds[id].Born)
			}
		}
		if n > 1 && k != Hjelpenummer || contradict(stronger) {
			return k, true
		}
	}
	return "", false
}

// contest lets the numbers weaker than kind tie nothing any more; where there are
// none, those of the kind itself (two D-numbers tied together by one fødselsnummer).
func (r *resolver) contest(numbers []NumberID, kind Kind) {
	weaker := false
	for _, id := range numbers {
		if r.kinds[id].Kind.strength() > kind.strength() {
			r.contested[id], weaker = true, true
		}
	}
	for _, id := range numbers {
		if !weaker && r.kinds[id].Kind == kind {
			r.contested[id] = true
		}
	}
}

// checkBirthDates lets subjects wait that say another birth date than the
// person's strongest dated number; where no number is dated and subjects disagree, all of them.
func (r *resolver) checkBirthDates(g Group) bool {
	var authority Born
	best := len(kinds)
	for _, id := range g.Numbers {
		if n := r.kinds[id]; n.Born.Known() && n.Kind.strength() < best {
			authority, best = n.Born, n.Kind.strength()
		}
	}
	var said []Born
	changed := false
	for _, s := range g.Subjects {
		for b := range r.subjects[s].born {
			if authority.Contradicts(b) {
				r.waiting[s], changed = BirthDate, true
				continue
			}
			said = append(said, b)
		}
	}
	if changed || !contradict(said) {
		return changed
	}
	for _, s := range g.Subjects { // said with and without a century, or on hjelpenummer alone
		r.waiting[s] = BirthDate
	}
	return true
}

// groups are the connected parts of subjects that do not wait and numbers that are not contested.
func (r *resolver) groups() []Group {
	stating := map[NumberID][]Subject{}
	for s, f := range r.subjects {
		if r.waiting[s] != "" {
			continue
		}
		for id := range f.numbers {
			if !r.contested[id] {
				stating[id] = append(stating[id], s)
			}
		}
	}
	var groups []Group
	seen := map[Subject]bool{}
	for _, first := range slices.SortedFunc(maps.Keys(r.subjects), Subject.Compare) {
		if r.waiting[first] != "" || seen[first] {
			continue
		}
		g, numbers := Group{}, map[NumberID]bool{}
		for queue := []Subject{first}; len(queue) > 0; queue = queue[1:] {
			if seen[queue[0]] {
				continue
			}
			seen[queue[0]] = true
			g.Subjects = append(g.Subjects, queue[0])
			for id := range r.subjects[queue[0]].numbers {
				if !r.contested[id] && !numbers[id] {
					numbers[id] = true
					queue = append(queue, stating[id]...)
				}
			}
		}
		slices.SortFunc(g.Subjects, Subject.Compare)
		g.Numbers = slices.Sorted(maps.Keys(numbers))
		groups = append(groups, g)
	}
	return groups
}

// result leaves the groups that hold a number; subjects whose every number is contested wait.
func (r *resolver) result() Resolution {
	out := Resolution{Waiting: r.waiting}
	for _, g := range r.groups() {
		if len(g.Numbers) > 0 {
			out.Groups = append(out.Groups, g)
			continue
		}
		for _, s := range g.Subjects {
			out.Waiting[s] = Contested
		}
	}
	return out
}

// contradict tells whether any two of the dates cannot be the same day.
func contradict(born []Born) bool {
	for i, a := range born {
		for _, b := range born[i+1:] {
			if a.Contradicts(b) {
				return true
			}
		}
	}
	return false
}
