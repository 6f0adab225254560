package pgtest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// The pooler's watchman: as the server's.
const poolerWatchman = `trap '' INT TERM
"$1" -q "$2/pgbouncer.ini" >>"$2/log" 2>&1 &
pid=$!
cat >/dev/null
kill -TERM $pid
wait $pid
rm -rf "$2"`

// Pooler puts PgBouncer in transaction mode before the database at dsn, with two server
// connections for everybody, and gives its address. Where it is not installed the test
// is skipped, loudly; in CI that is a failure.
func Pooler(t interface {
	TB
	Skipf(format string, args ...any)
}, dsn string) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("pgbouncer is needed in CI: %v", err)
		}
		t.Skipf("NOT TESTED THROUGH A POOLER: install pgbouncer")
	}
	address, err := pooler(t, program, dsn)
	if err != nil {
		t.Fatalf("pgbouncer: %v", err)
	}
	return address
}

func pooler(t TB, program, dsn string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	listen := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return "", err
	}
	var s Server
	if s.dir, err = os.MkdirTemp("", "samsyn-pgbouncer-*"); err != nil {
		return "", err
	}
	if _, err := s.drop(); err != nil {
		return "", err
	}
	// auth_type any signs everybody in as the user that the database names.
	ini := fmt.Sprintf(`[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
`, host, port, u.User.Username(), listen)
	if err := os.WriteFile(filepath.Join(s.dir, "pgbouncer.ini"), []byte(ini), 0o644); err != nil {
		return "", err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	watch := exec.Command("sh", "-c", poolerWatchman, "sh", program, s.dir)
	watch.Stdin, watch.SysProcAttr, watch.Dir = read, s.as, s.dir
	if err := errors.Join(watch.Start(), read.Close()); err != nil {
		return "", err
	}
	t.Cleanup(func() {
		if err := errors.Join(write.Close(), watch.Wait()); err != nil {
			t.Errorf("pgbouncer: %v", err)
		}
	})
	u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(listen))
	for range 500 {
		if err = Exec(u.String(), "SELECT 1"); err == nil {
			return u.String(), nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log")) // the reason stands there, if anywhere
	return "", fmt.Errorf("does not answer: %w: %s", err, log)
}
