// Weight gradient of a dense convolution on NHWC maps, for the shapes where oneDNN's kernel is slow.
#pragma once

#include "bf16.hpp"
#include "shape.hpp"

namespace modnet {

// True where this kernel beats oneDNN's: many pixels, and weights that fit into the second-level cache.
bool weight_gradient_suits(const ConvShape& s);

// dw [oc, ic, kh, kw] and, unless null, db [oc] from x [n, ih, iw, ic] and dy [n, oh, ow, oc].
void weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw, float* db);
void weight_gradient(const ConvShape& s, const Bf16* x, const Bf16* dy, float* dw, float* db);

}  // namespace modnet
