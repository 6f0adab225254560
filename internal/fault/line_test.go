package fault_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// cutWhere is where the proxy cuts a connection to PostgreSQL.
type cutWhere int

const (
	beforeCommit cutWhere = iota // COMMIT never reaches the server
	afterCommit                  // COMMIT is done, and its answer never comes back
	afterAnswer                  // the answer comes back, and then the line is gone
)

// pgProxy stands between a store and PostgreSQL and cuts the connection at a COMMIT.
type pgProxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	left  int // COMMITs until it cuts; 0: never
	where cutWhere
	cuts  int
	conns map[net.Conn]bool
	wait  sync.WaitGroup
}

// throughProxy gives the address of a proxy in front of the database.
func throughProxy(t testing.TB, dsn string) (*pgProxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pgProxy{listener: l, server: u.Host, conns: map[net.Conn]bool{}}
	p.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wait.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.drop()
		p.wait.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

// drop closes every connection.
func (p *pgProxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// cut arms the proxy for the nth COMMIT from now on.
func (p *pgProxy) cut(n int, where cutWhere) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.where = n, where
}

func (p *pgProxy) done() int { p.mu.Lock(); defer p.mu.Unlock(); return p.cuts }

// due tells whether this COMMIT is the one.
func (p *pgProxy) due() (cutWhere, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		return 0, false
	}
	if p.left--; p.left > 0 {
		return 0, false
	}
	p.cuts++
	return p.where, true
}

func (p *pgProxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	end := func() { _ = client.Close(); _ = server.Close() }
	var cutting struct {
		sync.Mutex
		where cutWhere
		on    bool
	}
	p.wait.Go(func() { // server → client
		defer end()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			cutting.Lock()
			swallow := cutting.on && cutting.where == afterCommit
			cutting.Unlock()
			if n > 0 && swallow {
				return // the server has answered: it is done
			}
			if n > 0 {
				if _, err := client.Write(b[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	defer end()
	first := true
	for {
		m, err := message(client, first)
		if err != nil {
			return
		}
		first = false
		cutting.Lock()
		over := cutting.on && cutting.where == afterAnswer
		cutting.Unlock()
		if over {
			return
		}
		if len(m) > 5 && m[0] == 'Q' && bytes.HasPrefix(bytes.ToUpper(m[5:]), []byte("COMMIT")) {
			if where, now := p.due(); now {
				if where == beforeCommit {
					return
				}
				cutting.Lock()
				cutting.where, cutting.on = where, true
				cutting.Unlock()
			}
		}
		if _, err := server.Write(m); err != nil {
			return
		}
	}
}

// message reads one message of the frontend; the first has no type.
func message(r io.Reader, first bool) ([]byte, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint32(head[len(head)-4:]))
	m := append(head, make([]byte, size-4)...)
	_, err := io.ReadFull(r, m[len(head):])
	return m, err
}
