package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// programs is the folder with initdb and postgres: the newest of Debian's, or the one in PATH.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) + strings.Compare(b, a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("there is no initdb in /usr/lib/postgresql/*/bin or PATH")
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

// Tool gives the path of one of PostgreSQL's programs (pg_dump …).
func Tool(name string) (string, error) {
	bin, err := programs()
	if err != nil {
		return "", err
	}
	return filepath.Join(bin, name), nil
}

// Server is one private server.
type Server struct {
	URL  string
	Port int
	dir  string
	as   *syscall.SysProcAttr
	bin  string
	// life is the writing end of the watchman's input: when it closes, as it does when
	// this process ends in any way, the server stops and its folder is removed.
	life  *os.File
	watch *exec.Cmd
}

// The watchman runs the server and ends it when its own input ends.
const watchman = `trap '' INT TERM
"$1/postgres" -D "$2" -p "$3" -k "$2" -c listen_addresses=127.0.0.1 -c fsync=on -c log_min_messages=fatal \
	-c max_connections=200 -c shared_buffers=64MB -c max_prepared_transactions=0 -c autovacuum_naptime=5s >>"$2/log" 2>&1 &
pid=$!
cat >/dev/null
kill -QUIT $pid
wait $pid
[ "$4" = keep ] || rm -rf "$2"`

// New starts a server of its own, for tests that stop it; the others use URL.
func New() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if s.dir, err = os.MkdirTemp("", "samsyn-pg-*"); err != nil {
		return nil, err
	}
	owner, err := s.drop()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.Port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", s.dir, "-U", owner, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = s.as, s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.URL = (&url.URL{Scheme: "postgres", User: url.User(owner), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)), Path: "/postgres", RawQuery: "sslmode=disable"}).String()
	return s, s.Start()
}

// drop finds the user to run as: PostgreSQL refuses root.
func (s *Server) drop() (string, error) {
	me, err := user.Current()
	if err != nil {
		return "", err
	}
	if os.Getuid() != 0 {
		return me.Username, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return "", err
		}
		s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return name, os.Chown(s.dir, int(uid), int(gid))
	}
	return "", errors.New("as root a user postgres or nobody is needed")
}

// Start starts the server, and waits until it answers.
func (s *Server) Start() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	s.watch = exec.Command("sh", "-c", watchman, "sh", s.bin, s.dir, strconv.Itoa(s.Port))
	s.watch.Stdin, s.watch.SysProcAttr, s.watch.Dir, s.life = read, s.as, s.dir, write
	if err := errors.Join(s.watch.Start(), read.Close()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		if err = Exec(s.URL, "SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "log")) // the reason stands there, if anywhere
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Restart kills the server as a power cut of its machine would, and starts it again.
func (s *Server) Restart() error {
	if err := s.signal(syscall.SIGQUIT); err != nil {
		return err
	}
	// Until it has gone, which is later than when it answers no more: its last deed is to remove this file.
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.dir, "postmaster.pid")); errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	again := exec.Command(filepath.Join(s.bin, "pg_ctl"), "-D", s.dir, "-w", "-l", filepath.Join(s.dir, "log"),
		"-o", fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c max_connections=200", s.Port, s.dir), "start")
	again.SysProcAttr, again.Dir = s.as, s.dir
	if out, err := again.CombinedOutput(); err != nil {
		return fmt.Errorf("start again: %w: %s", err, out)
	}
	return nil
}

// Stop ends the server for good and removes its folder.
func (s *Server) Stop() error {
	quit := s.signal(syscall.SIGQUIT) // also one that was started again
	err := s.life.Close()
	return errors.Join(ignoreGone(quit), err, s.watch.Wait())
}

// Dir is where all its files are.
func (s *Server) Dir() string { return s.dir }

func (s *Server) signal(sig syscall.Signal) error {
	raw, err := os.ReadFile(filepath.Join(s.dir, "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	return syscall.Kill(pid, sig)
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
