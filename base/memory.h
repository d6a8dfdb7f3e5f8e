// How the process handles memory that it has freed.
#pragma once

namespace pear {

/// Keeps freed blocks below 32 MB for the next allocation instead of giving them back to the system. A training step
/// frees and takes the same tensors again; without this every step pays for fresh, zeroed pages. Call once, before the
/// first large allocation; no effect where the C library has no such switch.
void keep_freed_memory();

}  // namespace pear
