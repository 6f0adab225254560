package ingest

import "context"

// ahead lets produce make the next while use works on the last: at most one is ready and
// waits. All that was given is used, in its order, before an error of produce is told; an
// error of use ends both, and what was ready then is dropped. A panic of produce is the
// caller's.
func ahead[T any](ctx context.Context, produce func(ctx context.Context, give func(T) bool) error, use func(T) error, drop func(T)) error {
	within, stop := context.WithCancel(ctx)
	defer stop()
	given := make(chan T)
	var failed error
	var panicked any
	go func() {
		defer close(given) // after it both are set
		defer func() { panicked = recover() }()
		failed = produce(within, func(t T) bool {
			select {
			case given <- t:
				return true
			case <-within.Done():
				drop(t)
				return false
			}
		})
	}()
	var err error
	for t := range given {
		if err != nil {
			drop(t)
			continue
		}
		if err = use(t); err != nil {
			stop()
		}
	}
	switch {
	case panicked != nil:
		panic(panicked)
	case err != nil:
		return err
	}
	return failed
}
