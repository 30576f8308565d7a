// Counts what the process takes from the heap: the test executable's malloc stands before the C library's.

#ifndef C_ALLOCATION_COUNTER_H
#define C_ALLOCATION_COUNTER_H

#include <stdbool.h>

/// Whether calls are counted; not under a sanitizer, which has a heap of its own.
bool allocation_counter_works(void);
/// Calls of malloc, calloc, realloc, posix_memalign, memalign and aligned_alloc so far, by all threads.
long allocation_count(void);
/// While true, the next allocation stops the process with a core dump or a backtrace: to find who it is.
void allocation_trap(bool is_on);

#endif
