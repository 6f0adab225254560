package main

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"samsyn/internal/demo"
	"samsyn/internal/sim"
	"samsyn/testdata"
)

// TestMain lets this test binary stand in for the samsyn command, so that scripts
// run the real program in processes of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"samsyn": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
	}})
}

// TestScripts runs every testdata/*.txt: the command line as a person uses it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, Setup: simulate,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"table": table, "personof": personOf}})
}

// simulate starts a municipality for each script and writes samsyn.yaml for it.
func simulate(env *testscript.Env) error {
	town, err := sim.Start(sim.Options{Data: testdata.Families(), Dir: filepath.Join(env.WorkDir, "sources"), Now: time.Now})
	if err != nil {
		return err
	}
	env.Defer(func() { _ = town.Close(context.Background()) }) // the process ends right after
	_, err = demo.WriteConfig(town, env.WorkDir)
	env.Setenv("HOME", env.WorkDir)
	return err
}

// table checks the JSON table in a file: `table FILE SOURCE listed=3 stored=0`; SOURCE * is the sum.
func table(ts *testscript.TestScript, neg bool, args []string) {
	var rows []map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &rows))
	sum := map[string]float64{}
	for _, row := range rows {
		if args[1] != "*" && row["Source"] != args[1] {
			continue
		}
		for k, v := range row {
			if n, ok := v.(float64); ok {
				sum[strings.ToLower(k)] += n
			}
		}
	}
	if sum["listed"] != sum["stored"]+sum["unchanged"]+sum["quarantined"]+sum["removed"] {
		ts.Fatalf("the table does not balance: %v", sum)
	}
	for _, want := range args[2:] {
		name, value, more := strings.Cut(want, ">")
		if !more {
			name, value, _ = strings.Cut(want, "=")
		}
		var n float64
		ts.Check(json.Unmarshal([]byte(value), &n))
		if ok := sum[name] == n || more && sum[name] > n; ok == neg {
			ts.Fatalf("%s: %s is %v, want %s", args[1], name, sum[name], want)
		}
	}
}

// personOf puts the id of the overview in a JSON file into the variable PERSON.
func personOf(ts *testscript.TestScript, _ bool, args []string) {
	var answer struct{ Overview struct{ Person string } }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &answer))
	ts.Setenv("PERSON", answer.Overview.Person)
}

// TestDemoServes starts the demo as a person does, reads a page and the API, and stops it with Ctrl-C.
func TestDemoServes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	code := make(chan int, 1)
	out := &announced{ready: make(chan struct{})}
	go func() { code <- run(ctx, []string{"demo", "--address", address}, out, os.Stderr) }()
	<-out.ready
	client := signIn(t, "http://"+address, "anders")
	for path, want := range map[string]string{"/": "Ella Lyngstad", "/kilder": "Kystsykehuset", "/adapters": "fhir-sykehus", "/health/ready": ""} {
		r, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Samsyn-Viewer", "anders")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := resp.Write(&b); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 2 || !strings.Contains(b.String(), want) {
			t.Errorf("%s: status %d without %q", path, resp.StatusCode, want)
		}
	}
	stop()
	if c := <-code; c != done {
		t.Errorf("the demo ended with %d", c)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("something still listens")
	}
}

var (
	refresh = regexp.MustCompile(`http-equiv="refresh" content="0; url=([^"]*)"`)
	asks    = regexp.MustCompile(`name="request_uri" value="([^"]*)"`)
)

// signIn goes the way of a browser through the demo's provider, and gives the browser.
func signIn(t *testing.T, site, user string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	read := func(resp *http.Response, err error) (*http.Response, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v %s", resp.Request.URL.Path, resp.StatusCode, err, b)
		}
		return resp, html.UnescapeString(string(b))
	}
	if resp, page := read(client.Get(site + "/")); resp.Request.URL.Path != "/logginn" || strings.Contains(page, "Ella") {
		t.Fatalf("without sign-in: %s", resp.Request.URL)
	}
	_, page := read(client.PostForm(site+"/auth/start", url.Values{"provider": {"demo"}, "retur": {"/kilder"}}))
	to := refresh.FindStringSubmatch(page)
	if to == nil {
		t.Fatal("nothing leads to the provider")
	}
	resp, page := read(client.Get(to[1]))
	asked := asks.FindStringSubmatch(page)
	if asked == nil {
		t.Fatal("the provider asks nothing")
	}
	provider := resp.Request.URL.Scheme + "://" + resp.Request.URL.Host
	_, page = read(client.PostForm(provider+"/authorize", url.Values{"request_uri": {asked[1]}, "user": {user}}))
	if to = refresh.FindStringSubmatch(page); to == nil || to[1] != "/kilder" {
		t.Fatalf("after sign-in it leads to %v", to)
	}
	return client
}

// announced is an output that tells when the addresses were printed.
type announced struct {
	text  strings.Builder
	ready chan struct{}
	said  bool
}

func (a *announced) Write(p []byte) (int, error) {
	a.text.Write(p)
	if !a.said && strings.Contains(a.text.String(), "Ctrl-C stops") {
		a.said = true
		close(a.ready)
	}
	return len(p), nil
}

// TestSimStandsAlone: the simulators run by themselves, and whoever has the
// configuration that they wrote can read them.
func TestSimStandsAlone(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	code := make(chan int, 1)
	out := &announced{ready: make(chan struct{})}
	go func() { code <- run(ctx, []string{"sim", "--dir", dir}, out, os.Stderr) }()
	<-out.ready
	config := filepath.Join(dir, "samsyn.yaml")
	for _, args := range [][]string{{"check"}, {"sync"}, {"sync", "--whole"}} {
		var said strings.Builder
		if c := run(context.Background(), append(args, "--config", config), &said, &said); c != done {
			t.Errorf("%v ended with %d: %s", args, c, said.String())
		}
	}
	stop()
	if c := <-code; c != done {
		t.Errorf("sim ended with %d", c)
	}
}
