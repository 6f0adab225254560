package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"samsyn/internal/care"
	"samsyn/internal/ingest/ledger"
	"samsyn/mapping"
)

// Version is one version of a resource and why it came, without its content.
type Version struct {
	Source        string     `json:"source"`
	Kind          string     `json:"kind"`
	Key           string     `json:"key"`
	Version       int        `json:"version"`
	Recorded      time.Time  `json:"recorded"`
	SourceVersion string     `json:"sourceVersion,omitempty"`
	Changed       *time.Time `json:"changed,omitempty"` // by the source's word
	MapRevision   string     `json:"mapRevision"`
	Removed       bool       `json:"removed,omitempty"`
	Same          bool       `json:"same,omitempty"` // only something else that the record says changed
	// Why: "first", "source changed", "map changed", or both.
	Why     []string `json:"why"`
	MapFrom string   `json:"mapFrom,omitempty"`
	MapTo   string   `json:"mapTo,omitempty"`
	// Remade tells whether the pinned revision made the same again; "" where it was not asked.
	Remade string `json:"remade,omitempty"`
}

// History tells every version of a resource and why each came, the oldest first. remake
// makes each again with the revision that it pins. The error is care.ErrNotFound.
func (a *App) History(ctx context.Context, typ, id string, remake bool) ([]Version, error) {
	versions, err := a.store.Versions(ctx, typ, id)
	if err != nil {
		return nil, err
	}
	var out []Version
	for i, v := range versions {
		var before *ledger.Version
		if i > 0 && versions[i-1].Source == v.Source && versions[i-1].Key == v.Key {
			before = &versions[i-1]
		}
		line := Version{Source: v.Source, Kind: v.Kind, Key: v.Key.Key, Version: v.Version, Recorded: v.Recorded, SourceVersion: v.SourceVersion,
			Changed: known(v.Changed), MapRevision: v.Revision, Removed: len(v.Body) == 0, Same: before != nil && bytes.Equal(before.Body, v.Body)}
		why := v.After(before)
		for _, reason := range []struct {
			is   bool
			word string
		}{{why.First, "first"}, {why.Source, "source changed"}, {why.MapTo != "", "map changed"}} {
			if reason.is {
				line.Why = append(line.Why, reason.word)
			}
		}
		line.MapFrom, line.MapTo = why.MapFrom, why.MapTo
		if remake {
			if line.Remade, err = a.remade(ctx, typ, id, v); err != nil {
				return nil, err
			}
		}
		out = append(out, line)
	}
	return out, nil
}

// remade makes one version again and tells whether it is the same.
func (a *App) remade(ctx context.Context, typ, id string, v ledger.Version) (string, error) {
	body, err := a.Remake(ctx, typ, id, v)
	switch {
	case errors.Is(err, care.ErrNotFound), errors.Is(err, care.ErrConflict):
		return err.Error(), nil
	case err != nil:
		return "", err
	case bytes.Equal(body, v.Body):
		return "the same", nil
	}
	return "something else", nil
}

// Remake makes a version of a resource again: from the record version that it was made
// of, with the map revision that it pins, as if on its day. The body is nil where the
// record does not say the resource. The error is care.ErrNotFound where record or map is not held any
// more, care.ErrConflict where this program's engine is another than the one that made it.
func (a *App) Remake(ctx context.Context, typ, id string, v ledger.Version) ([]byte, error) {
	rec, err := a.store.RecordAt(ctx, v.Source, v.Key, v.Hash)
	if err != nil || rec.Deleted {
		return nil, err
	}
	pin, err := a.store.PinnedMap(ctx, v.Revision)
	if err != nil {
		return nil, err
	}
	m, err := mapping.Unpin(pin)
	if err != nil {
		return nil, err
	}
	if m.Revision() != v.Revision {
		return nil, fmt.Errorf("made by another version of the map engine: %w", care.ErrConflict)
	}
	result, err := m.Apply(mapping.Input{Source: v.Source, Kind: v.Kind, Key: v.Key.Key, Media: rec.Media, Body: rec.Body, Now: v.Recorded, IDKey: a.store.IDKey()})
	if err != nil {
		return nil, fmt.Errorf("make again: %w", err)
	}
	for _, made := range result.Made {
		if made.Resource.Type == typ && made.Resource.ID == id {
			return made.Resource.Body, nil
		}
	}
	return nil, nil
}
