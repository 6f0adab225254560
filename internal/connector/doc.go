// Package connector reads a source that is described by a file alone:
// adapters/<system>/connector.yaml says where its listings stand, how they are
// paged, where key and version are found and how to ask for what is new. The
// package owns that file's form and its runtime over HTTP and drop folders, for
// JSON, XML and CSV. It knows no source, no map and nothing of FHIR but its
// expression language.
package connector
