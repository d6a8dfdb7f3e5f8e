// Rows of bfloat16 as vectors of pairs, for the processor's products of pairs (AVX512_BF16). Highway 1.0 has no such
// products, so they are called by name where they exist; elsewhere this file is empty and PEAR_HAS_PAIRS is 0.
// Included once per instruction set (Highway's guard).
#if defined(PEAR_SPHERE_ATTENTION_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_SPHERE_ATTENTION_PAIRS_INL_H_
#undef PEAR_SPHERE_ATTENTION_PAIRS_INL_H_
#else
#define PEAR_SPHERE_ATTENTION_PAIRS_INL_H_
#endif

#include <hwy/highway.h>

#include "sphere/attention/attention_inl.h"

#undef PEAR_HAS_PAIRS
#define PEAR_HAS_PAIRS (HWY_TARGET == HWY_AVX3 && HWY_COMPILER_GCC_ACTUAL)

HWY_BEFORE_NAMESPACE();
#if PEAR_HAS_PAIRS
#pragma GCC target("avx512bf16")
namespace pear::sphere::HWY_NAMESPACE {

constexpr int kLanes = 16;
using Pairs = __m512i;  ///< 16 lanes of two bfloat16 values

HWY_INLINE __m512bh as_bf16(__m512i v) { return reinterpret_cast<__m512bh>(v); }

/// sum + a.low b.low + a.high b.high, per lane.
HWY_INLINE Vector add_products(Vector sum, Pairs a, Pairs b) {
  return Vector{_mm512_dpbf16_ps(sum.raw, as_bf16(a), as_bf16(b))};
}
HWY_INLINE Pairs all_lanes(const uint32_t* pair) { return _mm512_set1_epi32(static_cast<int>(*pair)); }
HWY_INLINE Pairs load_pairs(const uint32_t* from) { return _mm512_load_si512(from); }
HWY_INLINE void store_pairs(Pairs v, uint32_t* to) { _mm512_store_si512(to, v); }

/// The lanes of `low`, then those of `high`, rounded.
HWY_INLINE __m512i rounded(Vector low, Vector high) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high.raw, low.raw));
}
/// Lane by lane from `rounded`: (low, high).
HWY_INLINE Pairs interleaved(__m512i both) {
  alignas(64) static constexpr uint16_t kOrder[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), both);
}

/// Four vectors of pairs as a 4 x 4 matrix in every 128 bits: turned over. From 16 rows of 8 values, row 4 g + r in the
/// g-th quarter of v[r], it makes pairs 0..3 of 16 lanes, and back.
HWY_INLINE void transpose(Pairs (&v)[4]) {
  const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]);
  const __m512i c = _mm512_unpacklo_epi32(v[2], v[3]), e = _mm512_unpackhi_epi32(v[2], v[3]);
  v[0] = _mm512_unpacklo_epi64(a, c);
  v[1] = _mm512_unpackhi_epi64(a, c);
  v[2] = _mm512_unpacklo_epi64(b, e);
  v[3] = _mm512_unpackhi_epi64(b, e);
}

HWY_INLINE __m128i load_eight(const Bfloat16* row) {
  return row == nullptr ? _mm_setzero_si128() : _mm_loadu_si128(reinterpret_cast<const __m128i*>(row));
}

/// Rows in memory of the slots of a window; null stands for a row of zeros, also behind the last slot.
using Rows = const Bfloat16**;

/// Pairs of columns of 16 rows, starting at column `at`, lanes are rows: pairs[0..kWidth / 2).
template <int kWidth>
HWY_INLINE void load_columns(Rows rows, int64_t at, Pairs* pairs) {
  for (int eight = 0; eight < kWidth / 8; ++eight) {
    Pairs v[4];
    const auto part = [&](int i) { return load_eight(rows[i] == nullptr ? nullptr : rows[i] + at + 8 * eight); };
    for (int r = 0; r < 4; ++r) {
      v[r] = _mm512_castsi128_si512(part(r));
      v[r] = _mm512_inserti32x4(v[r], part(r + 4), 1);
      v[r] = _mm512_inserti32x4(v[r], part(r + 8), 2);
      v[r] = _mm512_inserti32x4(v[r], part(r + 12), 3);
    }
    transpose(v);
    std::copy_n(v, 4, pairs + 4 * eight);
  }
}

/// Columns [8 e, 8 e + 8) of 16 rows from vectors over the rows; rows that are null are left out.
template <class Row>
HWY_INLINE void store_columns(const Vector (&columns)[8], float factor, const Row& row) {
  const Vector f = hn::Set(Lanes(), factor);
  Pairs v[4];
  for (int p = 0; p < 4; ++p) v[p] = interleaved(rounded(hn::Mul(columns[2 * p], f), hn::Mul(columns[2 * p + 1], f)));
  transpose(v);
  const auto store = [&](int i, __m128i values) {
    if (Bfloat16* to = row(i)) _mm_storeu_si128(reinterpret_cast<__m128i*>(to), values);
  };
  for (int r = 0; r < 4; ++r) {
    store(r, _mm512_castsi512_si128(v[r]));
    store(r + 4, _mm512_extracti32x4_epi32(v[r], 1));
    store(r + 8, _mm512_extracti32x4_epi32(v[r], 2));
    store(r + 12, _mm512_extracti32x4_epi32(v[r], 3));
  }
}

/// Rows of `rows` from column `at`, one after another: pairs of columns.
template <int kWidth>
HWY_INLINE void copy_rows(Rows rows, int64_t n, int64_t at, uint32_t* to) {
  for (int64_t i = 0; i < n; ++i)
    for (int e = 0; e < kWidth; e += 8)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + (i * kWidth + e) / 2),
                       load_eight(rows[i] == nullptr ? nullptr : rows[i] + at + e));
}

/// [ceil(n / 2), D]: pairs of rows (2 i, 2 i + 1) per column. rows[n] is null if n is odd.
template <int kWidth>
HWY_INLINE void pair_rows(Rows rows, int64_t n, int64_t at, uint32_t* to) {
  for (int64_t i = 0; i < n; i += 2)
    for (int e = 0; e < kWidth; e += 8) {
      const __m128i a = load_eight(rows[i] == nullptr ? nullptr : rows[i] + at + e);
      const __m128i b = load_eight(rows[i + 1] == nullptr ? nullptr : rows[i + 1] + at + e);
      auto* pair = reinterpret_cast<__m128i*>(to + i / 2 * kWidth + e);
      _mm_storeu_si128(pair, _mm_unpacklo_epi16(a, b));
      _mm_storeu_si128(pair + 1, _mm_unpackhi_epi16(a, b));
    }
}

/// Memory of a range of units. All extents in words of 4 bytes.
struct Memory {
  Scratch scratch;
  explicit Memory(int64_t words) : scratch(words + 512) {}
  float* floats(int64_t count) { return scratch.take(count); }
  uint32_t* pairs(int64_t count) { return reinterpret_cast<uint32_t*>(scratch.take(count)); }
  template <class T>
  T* pointers(int64_t count) {
    return reinterpret_cast<T*>(scratch.take(2 * count));
  }
};

/// What the loops are compiled for.
template <int kHeadWidth, bool kHasDropout, bool kHasTemperature>
struct Form {
  static constexpr int kWidth = kHeadWidth;
  static constexpr bool kDrops = kHasDropout, kCosine = kHasTemperature;
};

/// What products of rows of q and k are multiplied by, first and second factor: the scale, or what makes the rows unit
/// vectors. `log2e`: for exponents of 2.
template <class F, class M>
HWY_INLINE void fill_factors(const AttentionShape& s, const float* temperature, int64_t head, const M& m, float log2e) {
  const int64_t at = head * F::kWidth;
  for (int64_t i = 0; i < s.window_tokens; ++i) {
    m.q_factor[i] = log2e * (F::kCosine ? temperature[head] * inverse_norm(m.rows[i] + at, F::kWidth) : s.scale);
    if (F::kCosine) m.k_factor[i] = inverse_norm(m.rows[i] + s.channels() + at, F::kWidth);
  }
}

/// work(Form) for the form that the views ask for.
template <int kWidth, class Work>
HWY_INLINE void with_form(const AttentionVariant& variant, const Work& work) {
  const bool drops = variant.mask.drops(), is_cosine = variant.temperature != nullptr;
  if (drops && is_cosine) work(Form<kWidth, true, true>());
  if (drops && !is_cosine) work(Form<kWidth, true, false>());
  if (!drops && is_cosine) work(Form<kWidth, false, true>());
  if (!drops && !is_cosine) work(Form<kWidth, false, false>());
}

template <class Work>
HWY_INLINE void with_width(int64_t width, const AttentionVariant& variant, const Work& work) {
  if (width == 8) with_form<8>(variant, work);
  if (width == 16) with_form<16>(variant, work);
  if (width == 32) with_form<32>(variant, work);
}

}  // namespace pear::sphere::HWY_NAMESPACE
#endif
HWY_AFTER_NAMESPACE();

#endif  // include guard
