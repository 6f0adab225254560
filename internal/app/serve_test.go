package app_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"samsyn/internal/app"
)

func bare(t *testing.T) *app.App {
	t.Helper()
	c, err := app.ParseConfig("", []byte("store: {path: "+filepath.Join(t.TempDir(), "s.db")+"}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(context.Background(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// TestOtherNamesAreRefused: a page on another name that resolves to this machine gets nothing.
func TestOtherNamesAreRefused(t *testing.T) {
	h, err := bare(t).Handler()
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"localhost": 200, "localhost:8080": 200, "127.0.0.1:1": 200, "[::1]:80": 200,
		"evil.example": 421, "127.0.0.1.evil.example:80": 421, "10.0.0.1": 421, "": 421} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: status %d, want %d", host, w.Code, want)
		}
	}
}

// TestServeRefusesTheNetwork also where the configuration was passed by.
func TestServeRefusesTheNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := bare(t).Serve(context.Background(), l); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}
