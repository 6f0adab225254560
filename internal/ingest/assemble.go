package ingest

import (
	"context"
	"fmt"

	"samsyn/adapters"
	"samsyn/internal/identity"
	"samsyn/internal/ingest/ledger"
)

// assembled is a whole with what is to be kept of it and of its earlier parts.
type assembled struct {
	entries []ledger.Entry   // the whole, and earlier parts whose state is decided again
	held    map[string]error // by part key
	failed  *ledger.Refusal  // why the whole, and so every placed part, could not be used
}

// refusal is why a part waits, nil where it is in the whole.
func (a assembled) refusal(part adapters.Record) *ledger.Refusal {
	if err := a.held[part.Key]; err != nil {
		return &ledger.Refusal{Code: codeHeld, Text: identity.Redact(err.Error())}
	}
	return a.failed
}

// assemble puts the parts on this page together with those held from before, and maps
// what they make. A whole is mapped of all its parts or not at all, and all of them
// share its fate. It has the parts' kind and the group as its key. Where a whole
// cannot be mapped, what the last one said stands.
func (r *run) assemble(ctx context.Context, a adapters.Adapter, group string, fresh []adapters.Record) (assembled, error) {
	assembler, ok := a.(adapters.Assembler)
	if !ok {
		return assembled{failed: &ledger.Refusal{Code: codeUnexpected, Text: "the adapter gives parts and cannot assemble them"}}, nil
	}
	earlier, err := r.Store.Parts(ctx, r.src.Name, group)
	if err != nil {
		return assembled{}, err
	}
	type version struct {
		kind, key string
		hash      [32]byte
	}
	at := func(p adapters.Record) version { return version{p.Kind, p.Key, p.Hash()} }
	have := map[version]bool{}
	var all, before []adapters.Record
	for _, p := range fresh {
		if !have[at(p)] {
			have[at(p)] = true
			all = append(all, p)
		}
	}
	for _, p := range earlier {
		if !have[at(p)] {
			have[at(p)] = true
			all, before = append(all, p), append(before, p)
		}
	}
	out, whole := r.put(assembler, group, all)
	if out.failed == nil {
		// No whole at all is said too: what stands is a function of the parts, not of their order.
		e := ledger.Entry{Record: adapters.Record{Kind: all[0].Kind, Key: group, Deleted: true}, Derived: true, Revision: r.revision(all[0].Kind)}
		if whole != nil {
			e.Record = *whole
		}
		r.mapOne(&e)
		if e.Refused != nil {
			refusal := *e.Refused
			refusal.Text = fmt.Sprintf("the whole %s: %s", identity.Redact(whole.Key), refusal.Text)
			out.failed = &refusal
		}
		out.entries = append(out.entries, e)
	}
	for _, p := range before {
		out.entries = append(out.entries, ledger.Entry{Record: p, Part: true, Uncounted: true, Revision: r.revision(p.Kind), Refused: out.refusal(p)})
	}
	return out, nil
}

// put asks the adapter for the whole. A panic there holds the group, with nobody else harmed.
func (r *run) put(a adapters.Assembler, group string, parts []adapters.Record) (out assembled, whole *adapters.Record) {
	defer func() {
		if recover() != nil {
			out, whole = assembled{failed: &ledger.Refusal{Code: codePanic, Text: "the parts cannot be assembled: the adapter failed on them"}}, nil
		}
	}()
	whole, held, err := a.Assemble(group, parts)
	if err == nil && whole != nil && (whole.Kind != parts[0].Kind || whole.Key != group) {
		err = fmt.Errorf("%w: the whole has another kind or key than its parts say", adapters.ErrProtocol)
	}
	if err != nil {
		return assembled{failed: &ledger.Refusal{Code: codeOf(err, codeUnexpected), Text: identity.Redact(err.Error())}}, nil
	}
	return assembled{held: held}, whole
}
