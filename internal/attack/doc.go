// Package attack owns attempts to see what one may not: worlds of families with rights of
// every kind, asked through every door by viewers of every role. It holds tests alone.
// Twin worlds differ in nothing but what is hidden from the viewer and must answer alike to
// the last byte (twins_test.go); attacks that were made on programs like this one must be refused
// and logged (attacks_test.go); words that place a protected child must stand in no output
// (canary_test.go). It knows no rule of access: what is hidden is asked of the table, and what
// the doors then say is what is tested.
package attack
