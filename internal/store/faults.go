package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"samsyn/internal/care"
)

// fault is what a database's error means to us.
type fault int

const (
	otherFault fault = iota
	conflict         // another transaction was in the way: the same again may go well
	lost             // the connection is gone, and with it the transaction; at COMMIT nobody knows
	exhausted        // no room or no right to write: it will not go well by itself
)

// faultOf reads SQLSTATE (PostgreSQL, appendix A) and SQLite's result codes.
func faultOf(err error) fault {
	var server *pq.Error
	var file *sqlite.Error
	var network net.Error
	switch {
	case err == nil, errors.Is(err, errJournal): // a file's error number looks like a network's
		return otherFault
	case errors.As(err, &server):
		switch code := string(server.Code); {
		case code == "40001" || code == "40P01" || code == "55P03":
			return conflict
		case code[:2] == "08" || code[:3] == "57P" || code == "53300" || code == "25006": // 25006: a replica that was a primary
			return lost
		case code[:2] == "53" || code[:2] == "58":
			return exhausted
		}
	case errors.As(err, &file):
		switch file.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return conflict
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
			return exhausted
		}
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &network):
		return lost
	}
	return otherFault
}

// told is err with care.ErrUnavailable where the database cannot answer now.
func told(err error) error {
	if faultOf(err) == otherFault || errors.Is(err, care.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: the database: %w", care.ErrUnavailable, err)
}
