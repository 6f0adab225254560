// Package fiksinnsynsim owns a stand-in for the barnevern fagsystem that makes messages
// for KS Fiks Innsyn: it exports them to a folder, or pushes them over HTTP one by one.
// It knows a message's type and id and nothing of what it says.
package fiksinnsynsim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Deliver exports every message of data (files <meldingtype>-<meldingId>.json) to dir, and
// makes dir where it is missing. A file's time is when its message was last changed, as
// far as the message says so: the fagsystem writes it then. Files that are there with the
// same content are left untouched.
func Deliver(data fs.FS, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder of messages: %w", err)
	}
	return each(data, func(name string, body []byte) error {
		if have, err := os.ReadFile(filepath.Join(dir, name)); err == nil && bytes.Equal(have, body) {
			return nil
		}
		if err := Put(dir, name, body); err != nil {
			return err
		}
		if at := changed(body); !at.IsZero() {
			if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
				return fmt.Errorf("export message: %w", err)
			}
		}
		return nil
	})
}

// Put exports one message whole; its time is now.
func Put(dir, name string, body []byte) error {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return fmt.Errorf("export %q: not a plain file name: %w", name, fs.ErrInvalid)
	}
	part := filepath.Join(dir, name+".part")
	if err := os.WriteFile(part, body, 0o600); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := os.Rename(part, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("export message: %w", err)
	}
	return nil
}

func each(data fs.FS, do func(name string, body []byte) error) error {
	names, err := fs.Glob(data, "*.json")
	if err != nil {
		return fmt.Errorf("list messages: %w", err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(data, name)
		if err != nil {
			return fmt.Errorf("read message: %w", err)
		}
		if err := do(name, body); err != nil {
			return err
		}
	}
	return nil
}

func changed(body []byte) time.Time {
	var m struct{ SistOppdatert, Journaldato *time.Time }
	if err := json.Unmarshal(body, &m); err != nil {
		return time.Time{}
	}
	for _, at := range []*time.Time{m.SistOppdatert, m.Journaldato} {
		if at != nil {
			return *at
		}
	}
	return time.Time{}
}

// Sender pushes messages.
type Sender struct {
	// Base is the receiver's address, to which /{meldingtype}/{meldingId} is added.
	Base   string
	Client *http.Client
}

// IndexAll pushes every message of data, cases before their documents, as a fagsystem does
// that is connected for the first time.
func (s Sender) IndexAll(ctx context.Context, data fs.FS) error {
	for _, kind := range []string{"mappe", "journalpost"} {
		err := each(data, func(name string, body []byte) error {
			id, ok := strings.CutPrefix(strings.TrimSuffix(name, path.Ext(name)), kind+"-")
			if !ok {
				return nil
			}
			return s.Index(ctx, kind, id, body)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Index pushes one message; the same id again replaces it.
func (s Sender) Index(ctx context.Context, kind, id string, body []byte) error {
	return s.do(ctx, http.MethodPost, kind, id, body)
}

// Remove takes one message back.
func (s Sender) Remove(ctx context.Context, kind, id string) error {
	return s.do(ctx, http.MethodDelete, kind, id, nil)
}

func (s Sender) do(ctx context.Context, method, kind, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.Base, "/")+"/"+kind+"/"+id, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("push message: %w", err)
	}
	if method != http.MethodDelete {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return fmt.Errorf("push message: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("push message %s/%s: %s: %s", kind, id, resp.Status, said)
	}
	return nil
}
