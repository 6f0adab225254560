package care

import "time"

// Session is what is kept of one sign-in. The viewer's browser has a random key; ID is
// its hash, so that who reads the store can sign in as nobody.
type Session struct {
	ID       string
	Viewer   string // id of the viewer
	Provider string // who vouched for her, by its name in the configuration
	// Subject and Provided are keyed hashes of who she is at the provider and of the
	// provider's own session, for ending ours when the provider says so; "" where it said none.
	Subject  string
	Provided string

	Created, Seen, Expires time.Time
	// Facts is what was proved, sealed by internal/auth.
	Facts []byte
}
