//go:build !unix

package journal

import "os"

// Where files cannot be locked, one process at a time may use the journal.
func lock(*os.File) error { return nil }

func unlock(*os.File) error { return nil }

func syncFolder(string) error { return nil }
