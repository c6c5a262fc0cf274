// Depthwise convolutions on NHWC maps of bfloat16, where oneDNN has no kernel for them but its slowest.
#pragma once

#include "bf16.hpp"
#include "shape.hpp"

namespace modnet {

// True for the data gradient with a stride; oneDNN's is good without.
bool depthwise_suits(const ConvShape& s, int64_t group);

// dx [n, ih, iw, c] from dy [n, oh, ow, c] and w [c, 1, kh, kw].
void depthwise_backward_data(const ConvShape& s, const Bf16* dy, const float* w, Bf16* dx);

}  // namespace modnet
