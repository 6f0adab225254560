package audit_test

import (
	"testing"

	"samsyn/internal/audit"
)

// BenchmarkEvent is what a line of the log costs before it is written: the AuditEvent and its link.
func BenchmarkEvent(b *testing.B) {
	e := opened()
	var head audit.Head
	for b.Loop() {
		body, err := e.FHIR(fjordvik)
		if err != nil {
			b.Fatal(err)
		}
		head = audit.Chain(head, body).Head()
	}
}
