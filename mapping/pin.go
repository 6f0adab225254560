package mapping

import (
	"archive/zip"
	"bytes"
	"fmt"
	"path"
	"slices"
)

// Pin gives what the map's revision stands for, the file, its tables and the profiles, as a zip
// archive to be kept with what the map made. The same revision gives the same bytes.
func (m *Map) Pin() ([]byte, error) {
	files := map[string][]byte{m.file: m.data}
	names := []string{m.file}
	for _, name := range m.Tables {
		if t, ok := m.tables[name]; ok {
			files[t.file] = t.data
			names = append(names, t.file)
		}
	}
	for name, data := range m.profiles.Files() {
		file := path.Join(profilesDir, name)
		files[file] = data
		names = append(names, file)
	}
	slices.Sort(names)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(files[name])
		}
		if err != nil {
			return nil, fmt.Errorf("pin map %s: %w", m.Name, err)
		}
	}
	if err := z.SetComment("samsyn map " + m.Name + ", engine " + engineVersion); err != nil {
		return nil, fmt.Errorf("pin map %s: %w", m.Name, err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pin map %s: %w", m.Name, err)
	}
	return b.Bytes(), nil
}

// Unpin loads the one map that Pin gave. Another version of the engine gives it
// another revision: the caller compares it with the one that it asked for.
func Unpin(pinned []byte) (*Map, error) {
	z, err := zip.NewReader(bytes.NewReader(pinned), int64(len(pinned)))
	if err != nil {
		return nil, fmt.Errorf("read pinned map: %w", err)
	}
	profiles, err := pinnedProfiles(z)
	if err != nil {
		return nil, fmt.Errorf("load pinned profiles: %w", err)
	}
	set, err := Load(z, WithProfiles(profiles))
	if err != nil {
		return nil, fmt.Errorf("load pinned map: %w", err)
	}
	if len(set.names) != 1 {
		return nil, fmt.Errorf("a pin holds one map, this one %d", len(set.names))
	}
	return set.maps[set.names[0]], nil
}
