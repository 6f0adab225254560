package store

import "context"

// large lets f read from the replica where there is one that knows who is who as well as
// the store itself does, else from the store. A number that was parted from a child is
// parted at once, also where the replica lags; what a source said a moment ago may be
// missing for as long as it lags. Where the replica fails, the store answers.
func (s *Store) large(ctx context.Context, f func(*pool) error) error {
	if s.far != nil && s.current(ctx) && f(s.far) == nil {
		return nil
	}
	return f(s.read)
}

// current tells whether the replica has heard of the last change of who is who. The
// store is asked first: what changes afterwards is newer than the question.
func (s *Store) current(ctx context.Context) bool {
	const epoch = `SELECT coalesce(max(n), 0) FROM link_epoch`
	var here, there int64
	return s.read.GetContext(ctx, &here, epoch) == nil && s.far.GetContext(ctx, &there, epoch) == nil && there >= here
}
