package heap

import "syscall"

// untouch gives back what the runtime touched: it clears memory from which it cannot tell
// whether it was used before. What is given back reads as zero when it is touched again. A
// system that refuses (one of larger pages than the runtime's) leaves it taken, which only costs.
func untouch(spare []byte) { _ = syscall.Madvise(spare, syscall.MADV_DONTNEED) }
