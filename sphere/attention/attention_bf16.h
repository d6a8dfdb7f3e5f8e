// Window attention of bfloat16 rows by the processor's own products of bfloat16 (AVX512_BF16): two per lane, added in
// float32. Weights and their gradients are rounded to bfloat16 before they are multiplied, as separate products of a
// composition would.
#pragma once

#include "sphere/attention/attention_views.h"

namespace pear::sphere {

/// True if this build and this processor have them. The two functions below may be called only then.
bool has_bfloat16_products();

/// Units [first, last) as in attention_cpu.h; head widths 8, 16 and 32.
void attend_units_bf16(const AttentionShape& shape, const AttentionForward<Bfloat16>& view, int64_t first,
                       int64_t last);
void attend_units_backward_bf16(const AttentionShape& shape, const AttentionBackward<Bfloat16>& view, int64_t first,
                                int64_t last);

}  // namespace pear::sphere
