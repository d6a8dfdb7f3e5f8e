// The vectorised CPU path of window attention; compiled for several instruction sets and chosen at run time.
#pragma once

#include "sphere/attention/attention_views.h"

namespace pear::sphere {

/// True for the head widths that have a vectorised loop (8, 16, 32).
bool has_vectorised_attention(int64_t head_width);

/// Units [first, last) of num_tasks * heads; unit u is head u % heads of task u / heads. Threads may share a view.
void attend_units(const AttentionShape& shape, const AttentionForward<float>& view, int64_t first, int64_t last);
void attend_units(const AttentionShape& shape, const AttentionForward<Bfloat16>& view, int64_t first, int64_t last);
void attend_units_backward(const AttentionShape& shape, const AttentionBackward<float>& view, int64_t first,
                           int64_t last);
void attend_units_backward(const AttentionShape& shape, const AttentionBackward<Bfloat16>& view, int64_t first,
                           int64_t last);

}  // namespace pear::sphere
