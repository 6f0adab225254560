// Package fhirpath is Samsyn's expression language: FHIRPath 2.0
// (http://hl7.org/fhirpath/N1) with the functions that FHIR R4 adds
// (http://hl7.org/fhir/R4/fhirpath.html), over decoded JSON. An expression is
// compiled once and may then be evaluated from many goroutines.
//
// It owns parsing, evaluation, FHIRPath's values (decimals, partial dates,
// quantities) and the paths of what was read. It knows FHIR only through the
// element table in fhir/r4, and only for a root that is said to be FHIR: a plain
// JSON "2026" is a string, never guessed to be a date. It knows no mapping, no
// source and no I/O: time, references and own functions are handed in.
//
// No error, trace or path ever holds the content of what is evaluated.
package fhirpath
