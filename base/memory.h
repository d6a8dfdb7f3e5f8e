// How the process handles memory that it has freed.
#pragma once

#include <cstdint>

namespace pear {

/// Keeps freed blocks below 32 MB for the next allocation instead of giving them back to the system. A training step
/// frees and takes the same tensors again; without this every step pays for fresh, zeroed pages. Call once, before the
/// first large allocation; no effect where the C library has no such switch.
void keep_freed_memory();

/// Memory of this process that is in use now, and the most that there has been since it began or since the last
/// `restart_peak`. Units: bytes; 0 where the system does not say.
int64_t resident_bytes();
int64_t peak_resident_bytes();
/// Gives freed memory back and measures the peak anew (Linux; elsewhere it goes on over the whole run).
void restart_peak();

}  // namespace pear
