package rights

import (
	"context"
	"fmt"
	"time"

	"samsyn/internal/access"
	"samsyn/internal/care"
)

// Known gives, of what is registered about the person of the facts, what their viewer may be
// told of. It notes nothing: the gate does, when it releases it.
func (s *Service) Known(ctx context.Context, f care.Facts, scope access.Scope, at time.Time) (care.Rights, error) {
	held, _, _, err := s.Store.Rights(ctx, f.Person)
	if err != nil {
		return care.Rights{}, fmt.Errorf("read rights: %w", err)
	}
	return s.known(scene{actor: f.Viewer, facts: f, held: held, scope: scope, at: at}), nil
}
