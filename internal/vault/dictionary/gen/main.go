// Command gen made the dictionary that texts are packed with: the turns of phrase that
// our synthetic records and what is made of them have in common. It knows no real person.
// A dictionary is never made anew under the same name: what was packed with it would not open.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/dict"
)

const most = 16 << 10

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen FOLDER-OF-RECORDS DICTIONARY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder, to string) error {
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there (%v): give the new dictionary another name", to, err)
	}
	var names []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(names)
	var texts [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		texts = append(texts, resources(b)...)
	}
	b, err := dict.BuildS2Dict(texts, dict.Options{MaxDictSize: most, HashBytes: 6})
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

// resources gives what a golden file says was made, each as the store keeps it; of any other the text itself.
func resources(text []byte) [][]byte {
	var golden struct {
		Made []json.RawMessage `json:"made"`
	}
	if json.Unmarshal(text, &golden) == nil && len(golden.Made) > 0 {
		var out [][]byte
		for _, m := range golden.Made {
			out = append(out, compact(m))
		}
		return out
	}
	return [][]byte{compact(text)}
}

func compact(text []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, text) != nil { // XML
		return text
	}
	return out.Bytes()
}
