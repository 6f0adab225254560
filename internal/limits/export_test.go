package limits

// Callers is how many callers are kept.
func Callers(r *Rate) int { return len(r.callers) }
