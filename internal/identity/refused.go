package identity

import "errors"

// reasonOf is the reason that a refused number gives its subject for waiting.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, ErrPseudo):
		return PseudoNumber
	case errors.Is(err, ErrSynthetic):
		return Synthetic
	}
	return InvalidNumber
}
