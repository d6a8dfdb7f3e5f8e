// Row lengths of reduced Gaussian grids: classic (N) lists by name, octahedral (O) by formula, text of any list.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pear::sphere {

/// The list of a classic grid N32 … N1280, north to south [2 n]; nullopt for numbers without a standard list.
/// Source: the `pl` arrays of ecCodes' sample files.
std::optional<std::vector<int64_t>> classic_row_lengths(int64_t n);
std::string known_classic_grids();  ///< "N32, N48, …", for messages

/// 4 j + 16 in row j = 1..n from a pole; [2 n].
std::vector<int64_t> octahedral_row_lengths(int64_t n);

/// Text of the northern half with run lengths, "20/25x2/36", and back to [2 n]; nullopt if it is not such a list of n
/// rows.
std::string text_from_row_lengths(std::span<const int64_t> lengths);
std::optional<std::vector<int64_t>> row_lengths_from_text(std::string_view text, int64_t n);

}  // namespace pear::sphere
