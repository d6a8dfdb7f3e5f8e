// Dropout of rows; compiled for several instruction sets.
#pragma once

#include "sphere/attention/attention_views.h"
#include "sphere/attention/dropout_mask.h"

namespace pear::sphere {

/// A matrix [rows, width] whose first row is row `first` for the mask.
template <class T>
struct DroppedRows {
  const T* from = nullptr;
  T* to = nullptr;  ///< may be `from`
  int64_t rows = 0, width = 0, first = 0;
};

/// to = from times the mask.
void drop_rows(const DroppedRows<float>& rows, const DropoutMask& mask);
void drop_rows(const DroppedRows<Bfloat16>& rows, const DropoutMask& mask);

}  // namespace pear::sphere
