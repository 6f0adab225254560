// Package mapping owns the maps: YAML files shaped like the FHIR resource that
// they make, with FHIRPath between braces at the leaves. It loads them (every
// fault at once, with file, line and column), checks them against the R4 element
// table, and applies them to records: bytes in, validated FHIR resources with the
// lineage of every element out.
//
// It does no I/O but reading the files it is given, and knows no source system,
// no database, no clock and no person: what a record means stands in maps/, what
// a code means stands in codes/, and whose record it is is for others to decide.
//
// docs/mapping.md is the language's description.
package mapping
