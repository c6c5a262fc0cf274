// The numbers of a convolution on NHWC maps.
#pragma once

#include <cstdint>

namespace modnet {

struct ConvShape {
  int64_t n, ih, iw, ic, oh, ow, oc, kh, kw, stride, top, left, dilation;
};

}  // namespace modnet
