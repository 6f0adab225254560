// Package mapkit owns the tools of those who write maps: trying a map on a record,
// explaining what it made, testing pairs of input and output, counting what is not
// mapped, and foretelling what another version of the maps would change. It knows
// the map engine and the pipeline's doors; it knows no source system, no SQL and no command line.
package mapkit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"samsyn/adapters"
	"samsyn/mapping"
)

// What tests give every map: a day, and a key as good as any other, so that outputs
// are the same everywhere.
var testDay = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

const testKey = "a key for tests only"

// Record is a record of a file, with the key that its name gives.
type Record struct {
	Key   string
	Media string
	Body  []byte
}

// mediaOf gives a file's media type by its ending, "" for another file.
func mediaOf(file string) string {
	return map[string]string{".json": adapters.JSON, ".xml": adapters.XML, ".csv": adapters.CSV}[strings.ToLower(path.Ext(file))]
}

// RecordOf is the record that a file holds; the error says which endings there are.
func RecordOf(file string, body []byte) (Record, error) {
	media := mediaOf(file)
	if media == "" {
		return Record{}, fmt.Errorf("%s: a record's file ends in .json, .xml or .csv", file)
	}
	name, _, _ := strings.Cut(path.Base(strings.ReplaceAll(file, `\`, "/")), ".")
	return Record{Key: name, Media: media, Body: body}, nil
}

func (r Record) input(m *mapping.Map) mapping.Input {
	return mapping.Input{Source: m.System(), Kind: m.Kind(), Key: r.Key, Media: r.Media, Body: r.Body, Now: testDay, IDKey: []byte(testKey)}
}

// Outcome is what a map makes of a record: the form of an .output.json.
type Outcome struct {
	Fault   string            `json:"fault,omitempty"`
	Skipped string            `json:"skipped,omitempty"`
	Service string            `json:"service,omitempty"`
	Subject *mapping.Subject  `json:"subject,omitempty"`
	Misses  []mapping.Miss    `json:"misses,omitempty"`
	Made    []json.RawMessage `json:"made,omitempty"`
	// Where tells a program what Fault tells a person; it is no part of an .output.json.
	Where *Fault `json:"-"`
	// Warnings are what the profiles doubt; they are no part of an .output.json either.
	Warnings []mapping.Warning `json:"-"`
}

// Fault is the exact place of what is wrong with a record. It quotes nothing of it.
type Fault struct {
	File       string   `json:"file"`
	Line       int      `json:"line,omitempty"`
	Kind       string   `json:"kind"`
	Expression string   `json:"expression,omitempty"`
	Path       string   `json:"path,omitempty"`   // the target element
	Source     []string `json:"source,omitempty"` // source fields that were read
	Reason     string   `json:"reason,omitempty"`
}

// Apply maps a record as tests do.
func Apply(m *mapping.Map, r Record) Outcome {
	result, err := m.Apply(r.input(m))
	return outcome(result, err)
}

func outcome(result mapping.Result, err error) Outcome {
	o := Outcome{Service: result.Service, Subject: result.Subject, Misses: result.Misses, Warnings: result.Warnings}
	if err != nil {
		o.Fault, o.Where = err.Error(), faultOf(err)
	}
	if result.Skipped {
		o.Skipped = result.Because
	}
	for _, made := range result.Made {
		o.Made = append(o.Made, json.RawMessage(made.Resource.Body))
	}
	return o
}

func faultOf(err error) *Fault {
	var e *mapping.RecordError
	if !errors.As(err, &e) {
		return &Fault{Reason: err.Error()}
	}
	return &Fault{File: "maps/" + e.Map + ".yaml", Line: e.Line, Kind: e.Kind.Error(), Expression: e.Expression, Path: e.Path, Source: e.Source, Reason: e.Reason}
}

// JSON writes the outcome as an .output.json holds it.
func (o Outcome) JSON() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(o); err != nil { // only a body that is no JSON, which the engine never makes
		return []byte(err.Error())
	}
	return b.Bytes()
}
