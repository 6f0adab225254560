package mapping

import (
	"errors"
	"io/fs"
)

// One compiles one map file whose text is given, with the tables of fsys: for tools that
// show faults as one types. The map is nil where Load would refuse it; the findings are
// this file's alone. The error is that the tables cannot be read at all.
func One(fsys fs.FS, file string, data []byte) (*Map, []Finding, error) {
	tables, err := loadTables(fsys, func(*Fault) {})
	if err != nil {
		return nil, nil, err
	}
	l := &loader{file: file, data: data, tables: tables, functions: compileOptions()}
	m := l.load()
	var findings []Finding
	for _, f := range l.faults {
		findings = append(findings, Finding{f, true})
	}
	if m == nil && len(findings) == 0 {
		return nil, nil, errors.New("the map cannot be compiled")
	}
	if len(findings) > 0 {
		m = nil
	}
	lint := newLinter(file, data)
	lint.file()
	for _, f := range lint.at.faults {
		findings = append(findings, Finding{Fault: f})
	}
	return m, findings, nil
}
