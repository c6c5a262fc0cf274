// The part of oneDNN's C interface that we call (library libdnnl.so.3, found inside the mindspore wheel).
//
// Declared here by hand, so that building needs a compiler and the wheel and nothing else: the wheel has
// the library but no headers. Names, order of arguments and numbers are those of oneDNN 3.x, whose C
// interface is stable within the major version. Source: oneDNN developer guide, C API.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
typedef struct dnnl_engine* dnnl_engine_t;
typedef struct dnnl_stream* dnnl_stream_t;
typedef struct dnnl_memory_desc* dnnl_memory_desc_t;
typedef struct dnnl_memory* dnnl_memory_t;
typedef struct dnnl_primitive_desc* dnnl_primitive_desc_t;
typedef struct dnnl_primitive* dnnl_primitive_t;
typedef struct dnnl_primitive_attr* dnnl_primitive_attr_t;
typedef const struct dnnl_memory_desc* dnnl_const_memory_desc_t;
typedef int64_t dnnl_dims_t[12];

struct dnnl_exec_arg_t {
  int arg;
  dnnl_memory_t memory;
};

// Every function that returns int gives 0 for success.
int dnnl_engine_create(dnnl_engine_t*, int kind, size_t index);
int dnnl_threadpool_interop_stream_create(dnnl_stream_t*, dnnl_engine_t, void* threadpool);
int dnnl_memory_desc_create_with_tag(dnnl_memory_desc_t*, int ndims, const dnnl_dims_t, int data_type, int tag);
int dnnl_memory_desc_clone(dnnl_memory_desc_t*, dnnl_const_memory_desc_t);
int dnnl_memory_desc_destroy(dnnl_memory_desc_t);
int dnnl_memory_desc_equal(dnnl_const_memory_desc_t, dnnl_const_memory_desc_t);
size_t dnnl_memory_desc_get_size(dnnl_const_memory_desc_t);
int dnnl_memory_create(dnnl_memory_t*, dnnl_const_memory_desc_t, dnnl_engine_t, void* handle);
int dnnl_memory_destroy(dnnl_memory_t);
int dnnl_primitive_attr_create(dnnl_primitive_attr_t*);
int dnnl_primitive_attr_set_scratchpad_mode(dnnl_primitive_attr_t, int mode);
int dnnl_primitive_attr_destroy(dnnl_primitive_attr_t);
int dnnl_convolution_forward_primitive_desc_create(dnnl_primitive_desc_t*, dnnl_engine_t, int prop_kind, int alg_kind,
                                                   dnnl_const_memory_desc_t src, dnnl_const_memory_desc_t weights,
                                                   dnnl_const_memory_desc_t bias, dnnl_const_memory_desc_t dst,
                                                   const dnnl_dims_t strides, const dnnl_dims_t dilates,
                                                   const dnnl_dims_t padding_l, const dnnl_dims_t padding_r,
                                                   dnnl_primitive_attr_t);
int dnnl_convolution_backward_data_primitive_desc_create(
    dnnl_primitive_desc_t*, dnnl_engine_t, int alg_kind, dnnl_const_memory_desc_t diff_src,
    dnnl_const_memory_desc_t weights, dnnl_const_memory_desc_t diff_dst, const dnnl_dims_t strides,
    const dnnl_dims_t dilates, const dnnl_dims_t padding_l, const dnnl_dims_t padding_r, dnnl_primitive_desc_t hint,
    dnnl_primitive_attr_t);
int dnnl_convolution_backward_weights_primitive_desc_create(
    dnnl_primitive_desc_t*, dnnl_engine_t, int alg_kind, dnnl_const_memory_desc_t src,
    dnnl_const_memory_desc_t diff_weights, dnnl_const_memory_desc_t diff_bias, dnnl_const_memory_desc_t diff_dst,
    const dnnl_dims_t strides, const dnnl_dims_t dilates, const dnnl_dims_t padding_l, const dnnl_dims_t padding_r,
    dnnl_primitive_desc_t hint, dnnl_primitive_attr_t);
int dnnl_reorder_primitive_desc_create(dnnl_primitive_desc_t*, dnnl_const_memory_desc_t src, dnnl_engine_t,
                                       dnnl_const_memory_desc_t dst, dnnl_engine_t, dnnl_primitive_attr_t);
dnnl_const_memory_desc_t dnnl_primitive_desc_query_md(dnnl_primitive_desc_t, int what, int index);
int dnnl_primitive_desc_destroy(dnnl_primitive_desc_t);
int dnnl_primitive_create(dnnl_primitive_t*, dnnl_primitive_desc_t);
int dnnl_primitive_execute(dnnl_primitive_t, dnnl_stream_t, int nargs, const dnnl_exec_arg_t*);
int dnnl_primitive_destroy(dnnl_primitive_t);
int dnnl_stream_wait(dnnl_stream_t);
}

namespace modnet::onednn {

enum Kind { kCpu = 1, kBf16 = 2, kF32 = 3, kForwardTraining = 64, kConvolutionDirect = 1, kScratchpadUser = 1 };
enum Tag { kAny = 1, kA = 2, kAbcd = 5, kAbcde = 6, kAcdb = 22 };  // kAbcd of weights is OIHW, kAcdb of maps NHWC
enum Query { kSrcMd = 129, kDiffSrcMd, kWeightsMd, kDiffWeightsMd, kDstMd, kDiffDstMd, kScratchpadMd = 136 };
enum Arg {
  kSrc = 1,
  kDst = 17,
  kWeights = 33,
  kBias = 41,
  kScratchpad = 80,
  kDiffSrc = 129,
  kDiffDst = 145,
  kDiffWeights = 161,
  kDiffBias = 169,
};

}  // namespace modnet::onednn
