// CRC-32C (Castagnoli) of bytes, the checksum of every chunk of a store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pear::io {

/// Polynomial 0x1EDC6F41 reflected, initial value and final xor 0xFFFFFFFF; "123456789" gives 0xE3069283.
///
/// Source:  RFC 3720 appendix B.4; eight tables, eight bytes a step (Kounavis and Berry 2005).
/// Cost:    about one nanosecond per 2 bytes.
uint32_t crc32c(std::span<const std::byte> bytes);
inline uint32_t crc32c(std::span<const float> values) { return crc32c(std::as_bytes(values)); }

}  // namespace pear::io
