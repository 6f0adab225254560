// Package fault owns the proof of what is promised when things go wrong
// (docs/reliability.md): one test for each of the faults F1 to F30, on every database,
// a state machine that drives sources and store against a model, processes that are
// killed, and disks that lose what was not synced. It is tests alone; nothing imports it.
package fault
