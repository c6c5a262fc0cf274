// bfloat16: the upper half of a float. Maps may be kept in it; whatever is computed from them is float.
#pragma once

#include <cstdint>
#include <cstring>

#include "vec.hpp"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace modnet {

struct Bf16 {
  uint16_t bits;
};

typedef uint16_t HalfBits __attribute__((vector_size(2 * kLanes)));
typedef uint32_t Bits __attribute__((vector_size(4 * kLanes)));

inline float to_float(float x) { return x; }
inline float to_float(Bf16 x) {
  const uint32_t bits = uint32_t{x.bits} << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

// To the nearest, ties to the even one.
template <class T>
T to(float x);
template <>
inline float to<float>(float x) {
  return x;
}
template <>
inline Bf16 to<Bf16>(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

inline Vec load(const Bf16* p) {
  HalfBits half;
  std::memcpy(&half, p, sizeof(half));
  const Bits bits = __builtin_convertvector(half, Bits) << 16;
  Vec v;
  std::memcpy(&v, &bits, sizeof(v));
  return v;
}

inline void store(Bf16* p, Vec v) {
#if defined(__AVX512BF16__)
  const __m256bh half = _mm512_cvtneps_pbh(reinterpret_cast<__m512>(v));
  std::memcpy(p, &half, sizeof(half));
#else
  Bits bits;
  std::memcpy(&bits, &v, sizeof(bits));
  const HalfBits half = __builtin_convertvector((bits + 0x7fff + (bits >> 16 & 1)) >> 16, HalfBits);
  std::memcpy(p, &half, sizeof(half));
#endif
}

// The first `lanes` numbers of a vector, the others zero; and back.
template <class T>
Vec load_some(const T* p, int64_t lanes) {
  if (lanes == kLanes) return load(p);
  T row[kLanes] = {};
  std::memcpy(row, p, lanes * sizeof(T));
  return load(row);
}
template <class T>
void store_some(T* p, Vec v, int64_t lanes) {
  if (lanes == kLanes) return store(p, v);
  T row[kLanes];
  store(row, v);
  std::memcpy(p, row, lanes * sizeof(T));
}

// One entry of a convolution's operands as the multiply-add takes them: a float, or two bfloat16 that belong to
// neighbouring pixels. The products of both are added to the same float.
struct Pair {
  uint32_t bits;
};

template <class T>
struct Operand {
  using Entry = float;
  static constexpr int64_t kPixels = 1;
};
template <>
struct Operand<Bf16> {
  using Entry = Pair;
  static constexpr int64_t kPixels = 2;
};

inline Pair pair_of(Bf16 first, Bf16 second) { return {first.bits | uint32_t{second.bits} << 16}; }
inline float sum_of(float x) { return x; }
inline float sum_of(Pair x) {
  return to_float(Bf16{static_cast<uint16_t>(x.bits)}) + to_float(Bf16{static_cast<uint16_t>(x.bits >> 16)});
}
inline Vec load(const Pair* p) {
  Vec v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

#if defined(__AVX512BF16__)
constexpr bool kHasBf16 = true;
inline Vec broadcast(Pair x) { return reinterpret_cast<Vec>(_mm512_set1_epi32(static_cast<int>(x.bits))); }
inline Vec multiply_add(Vec a, Vec b, Vec sum, const Pair*) {
  return reinterpret_cast<Vec>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(a),
                                                reinterpret_cast<__m512bh>(b)));
}
#else
constexpr bool kHasBf16 = false;
#endif
// sum + a * b; the last argument says what a and b hold.
inline Vec multiply_add(Vec a, Vec b, Vec sum, const float*) { return sum + a * b; }

// sum and a vector of entries.
inline Vec add_entries(Vec sum, const float* p) { return sum + load(p); }
#if defined(__AVX512BF16__)
inline Vec add_entries(Vec sum, const Pair* p) {
  constexpr uint32_t kOnes = 0x3f803f80;
  return multiply_add(broadcast(Pair{kOnes}), load(p), sum, p);
}
#endif

}  // namespace modnet
