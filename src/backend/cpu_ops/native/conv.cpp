// 2-D convolution and its gradients on NHWC maps through oneDNN; weights stay OIHW, as checkpoints hold them.
//
// The maps are used as they are: oneDNN's kernels read and write NHWC directly, so the only copies are
// those of the (small) weights into the layout that the chosen kernel wants.
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "depthwise.hpp"
#include "onednn.hpp"
#include "pool.hpp"
#include "runtime.hpp"
#include "wgrad.hpp"

namespace modnet {
namespace {
using namespace onednn;

void ok(int status, const char* what) {
  if (status) throw std::runtime_error(std::string(what) + " failed, oneDNN status " + std::to_string(status));
}

// oneDNN's threadpool_iface, whose layout this table of virtual functions repeats. `wait` exists since
// oneDNN 3.10; older libraries never look at that slot.
struct Threads {
  virtual int get_num_threads() const { return Pool::instance().size(); }
  virtual bool get_in_parallel() const { return Pool::instance().inside(); }
  virtual void parallel_for(int n, const std::function<void(int, int)>& body) {
    if (n == 1) return body(0, 1);
    const int threads = Pool::instance().size();
    Pool::instance().run([&](int thread) {
      for (int i = thread; i < n; i += threads) body(i, n);
    });
  }
  virtual uint64_t get_flags() const { return 0; }
  virtual void wait() {}
};

dnnl_engine_t engine() {
  static dnnl_engine_t engine = [] {
    dnnl_engine_t e;
    ok(dnnl_engine_create(&e, kCpu, 0), "creating the engine");
    return e;
  }();
  return engine;
}

dnnl_stream_t stream() {
  static dnnl_stream_t stream = [] {
    static Threads* threads = new Threads();
    dnnl_stream_t s;
    ok(dnnl_threadpool_interop_stream_create(&s, engine(), threads), "creating the stream");
    return s;
  }();
  return stream;
}

template <class T, int (*destroy)(T)>
struct Handle {
  struct Deleter {
    using pointer = T;
    void operator()(T p) const { destroy(p); }
  };
  using type = std::unique_ptr<T, Deleter>;
};
using Desc = Handle<dnnl_memory_desc_t, dnnl_memory_desc_destroy>::type;
using PrimitiveDesc = Handle<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy>::type;
using Primitive = Handle<dnnl_primitive_t, dnnl_primitive_destroy>::type;
using Memory = Handle<dnnl_memory_t, dnnl_memory_destroy>::type;

using Dims = std::vector<int64_t>;

Desc make_desc(const Dims& dims, int tag, int type = kF32) {
  dnnl_dims_t d = {};
  std::copy(dims.begin(), dims.end(), d);
  dnnl_memory_desc_t desc;
  ok(dnnl_memory_desc_create_with_tag(&desc, static_cast<int>(dims.size()), d, type, tag), "describing a tensor");
  return Desc(desc);
}

Memory make_memory(dnnl_const_memory_desc_t desc, void* data) {
  dnnl_memory_t memory;
  ok(dnnl_memory_create(&memory, desc, engine(), data), "wrapping a tensor");
  return Memory(memory);
}

Primitive make_primitive(const PrimitiveDesc& desc) {
  dnnl_primitive_t primitive;
  ok(dnnl_primitive_create(&primitive, desc.get()), "compiling a kernel");
  return Primitive(primitive);
}

enum Direction { kForward, kBackwardData, kBackwardWeights };

// Numbers that determine a kernel.
struct Geometry {
  int64_t direction, n, ic, ih, iw, oc, oh, ow, kh, kw, stride, top, bottom, left, right, dilation, group, bias, type;
  bool depthwise() const { return group == ic && ic == oc && group > 1; }
  bool operator<(const Geometry& other) const { return std::memcmp(this, &other, sizeof(*this)) < 0; }
};

// A compiled kernel with what it needs around it.
struct Plan {
  PrimitiveDesc desc;
  Primitive kernel, reorder;  // reorder: plain weights -> the kernel's (backwards for the weight gradient)
  Desc src, dst, weights, bias;
  dnnl_const_memory_desc_t kernel_weights;
  dnnl_const_memory_desc_t scratchpad;
};

void create_desc(const Geometry& g, Plan& plan, const Dims& weights, dnnl_primitive_attr_t attr) {
  // Weights are bfloat16 where the maps are; their gradient is always float.
  const Desc any = make_desc(weights, kAny, g.direction == kBackwardWeights ? kF32 : static_cast<int>(g.type));
  const Desc forward_any = make_desc(weights, kAny, static_cast<int>(g.type));
  const dnnl_dims_t stride = {g.stride, g.stride}, dilation = {g.dilation - 1, g.dilation - 1};
  const dnnl_dims_t before = {g.top, g.left}, after = {g.bottom, g.right};
  auto *x = plan.src.get(), *y = plan.dst.get(), *b = g.bias ? plan.bias.get() : nullptr;
  dnnl_primitive_desc_t desc;
  ok(dnnl_convolution_forward_primitive_desc_create(&desc, engine(), kForwardTraining, kConvolutionDirect, x,
                                                    forward_any.get(), g.direction == kForward ? b : nullptr, y, stride,
                                                    dilation, before, after, attr),
     "choosing a forward kernel");
  PrimitiveDesc forward(desc);
  if (g.direction == kForward) {
    plan.desc = std::move(forward);
  } else if (g.direction == kBackwardData) {
    ok(dnnl_convolution_backward_data_primitive_desc_create(&desc, engine(), kConvolutionDirect, x, any.get(), y,
                                                            stride, dilation, before, after, forward.get(), attr),
       "choosing a backward-data kernel");
    plan.desc = PrimitiveDesc(desc);
  } else {
    ok(dnnl_convolution_backward_weights_primitive_desc_create(&desc, engine(), kConvolutionDirect, x, any.get(), b, y,
                                                               stride, dilation, before, after, forward.get(), attr),
       "choosing a backward-weights kernel");
    plan.desc = PrimitiveDesc(desc);
  }
}

std::shared_ptr<Plan> make_plan(const Geometry& g) {
  auto plan = std::make_shared<Plan>();
  const int64_t o = g.oc / g.group, i = g.ic / g.group;
  const Dims weights = g.group == 1 ? Dims{o, i, g.kh, g.kw} : Dims{g.group, o, i, g.kh, g.kw};
  plan->src = make_desc({g.n, g.ic, g.ih, g.iw}, kAcdb, static_cast<int>(g.type));
  plan->dst = make_desc({g.n, g.oc, g.oh, g.ow}, kAcdb, static_cast<int>(g.type));
  plan->weights = make_desc(weights, g.group == 1 ? kAbcd : kAbcde);
  plan->bias = make_desc({g.oc}, kA);
  dnnl_primitive_attr_t attr;
  ok(dnnl_primitive_attr_create(&attr), "creating attributes");
  std::unique_ptr<dnnl_primitive_attr, int (*)(dnnl_primitive_attr_t)> keep(attr, dnnl_primitive_attr_destroy);
  ok(dnnl_primitive_attr_set_scratchpad_mode(attr, kScratchpadUser), "setting the scratchpad mode");
  create_desc(g, *plan, weights, attr);
  plan->kernel = make_primitive(plan->desc);
  const bool gradient = g.direction == kBackwardWeights;
  plan->kernel_weights = dnnl_primitive_desc_query_md(plan->desc.get(), gradient ? kDiffWeightsMd : kWeightsMd, 0);
  plan->scratchpad = dnnl_primitive_desc_query_md(plan->desc.get(), kScratchpadMd, 0);
  if (!dnnl_memory_desc_equal(plan->weights.get(), plan->kernel_weights)) {
    dnnl_primitive_desc_t reorder;
    auto *from = plan->kernel_weights, *to = static_cast<dnnl_const_memory_desc_t>(plan->weights.get());
    if (!gradient) std::swap(from, to);
    ok(dnnl_reorder_primitive_desc_create(&reorder, from, engine(), to, engine(), nullptr), "choosing a reorder");
    plan->reorder = make_primitive(PrimitiveDesc(reorder));
  }
  return plan;
}

// Plans by geometry. Emptied when full, so that pictures of ever new sizes cannot grow it without bound.
std::shared_ptr<Plan> find_plan(const Geometry& g) {
  static auto* plans = new std::map<Geometry, std::shared_ptr<Plan>>();
  constexpr size_t kMaxPlans = 2048;
  auto found = plans->find(g);
  if (found != plans->end()) return found->second;
  if (plans->size() >= kMaxPlans) plans->clear();
  return_free_memory();  // a new shape: a graph was compiled just before
  return (*plans)[g] = make_plan(g);
}

void reorder(const Plan& plan, dnnl_memory_t from, dnnl_memory_t to) {
  const dnnl_exec_arg_t args[] = {{kSrc, from}, {kDst, to}};
  ok(dnnl_primitive_execute(plan.reorder.get(), stream(), 2, args), "a reorder");
}

// Runs a plan; `args` holds everything but weights and scratchpad.
void execute(const Plan& plan, std::vector<dnnl_exec_arg_t> args, float* weights, bool gradient) {
  static Scratch &weight_buffer = *new Scratch(), &scratchpad = *new Scratch();
  const size_t extra = dnnl_memory_desc_get_size(plan.scratchpad);
  const Memory scratch = make_memory(plan.scratchpad, scratchpad.bytes(extra + 1));
  const Memory plain = make_memory(plan.weights.get(), weights);
  Memory packed;
  if (plan.reorder)
    packed = make_memory(plan.kernel_weights, weight_buffer.bytes(dnnl_memory_desc_get_size(plan.kernel_weights)));
  dnnl_memory_t used = packed ? packed.get() : plain.get();
  if (packed && !gradient) reorder(plan, plain.get(), used);
  args.push_back({gradient ? kDiffWeights : kWeights, used});
  args.push_back({kScratchpad, scratch.get()});
  ok(dnnl_primitive_execute(plan.kernel.get(), stream(), static_cast<int>(args.size()), args.data()), "a convolution");
  if (packed && gradient) reorder(plan, used, plain.get());
  ok(dnnl_stream_wait(stream()), "waiting");
}

ConvShape shape_of(const Geometry& g) {
  return {g.n, g.ih, g.iw, g.ic, g.oh, g.ow, g.oc, g.kh, g.kw, g.stride, g.top, g.left, g.dilation};
}

// `x`, `w`, `y` and `attr` are positions in the argument list.
// attr: stride, padding top, bottom, left, right, dilation, group.
Geometry geometry(Direction direction, const Args& a, int x, int w, int y, int attr, bool bias) {
  const int64_t* p = a.ints(attr);
  Geometry g{direction,   a.dim(x, 0), a.dim(x, 3), a.dim(x, 1), a.dim(x, 2), a.dim(y, 3), a.dim(y, 1), a.dim(y, 2),
             a.dim(w, 2), a.dim(w, 3), p[0],        p[1],        p[2],        p[3],        p[4],        p[5],
             p[6],        bias,        a.half(x) ? kBf16 : kF32};
  check(kHasBf16 || g.type == kF32, "this CPU does not multiply bfloat16");
  check(g.ic == a.dim(w, 1) * g.group && g.oc == a.dim(w, 0) && g.n == a.dim(y, 0),
        "the shapes of input, weight and output do not belong together");
  return g;
}

// x, w, [b], attr -> y
template <class T>
void forward(const Args& a) {
  const bool bias = a.count == 5;
  const int y = a.count - 1;
  const auto plan = find_plan(geometry(kForward, a, 0, 1, y, y - 1, bias));
  const Memory src = make_memory(plan->src.get(), a.at<T>(0)), dst = make_memory(plan->dst.get(), a.at<T>(y));
  const Memory b = make_memory(plan->bias.get(), bias ? a.f(2) : nullptr);
  std::vector<dnnl_exec_arg_t> args{{kSrc, src.get()}, {kDst, dst.get()}};
  if (bias) args.push_back({kBias, b.get()});
  execute(*plan, args, a.f(1), false);
}

// The weights [o, i, kh, kw] of the first `count` input channels.
float* first_channels(const float* weights, const Geometry& g, int64_t count) {
  static Scratch& scratch = *new Scratch();
  const int64_t area = g.kh * g.kw;
  float* to = scratch.floats(g.oc * count * area);
  for (int64_t o = 0; o < g.oc; ++o)
    std::copy_n(weights + o * g.ic * area, count * area, to + o * count * area);
  return to;
}

// dy, w, x (its shape and type only), attr -> dx, or its first channels where it has fewer than x
template <class T>
void backward_data(const Args& a) {
  Geometry g = geometry(kBackwardData, a, 2, 1, 0, 3, false);
  float* weights = a.f(1);
  if (const int64_t channels = a.dim(4, 3); channels < g.ic) {
    check(g.group == 1, "a grouped convolution has the gradients of all channels");
    weights = first_channels(weights, g, channels);
    g.ic = channels;
  }
  if constexpr (std::is_same<T, Bf16>::value) {
    const bool plain = g.stride == 1 && g.dilation == 1 && g.ic % kLanes == 0;  // where oneDNN is as fast
    if (g.depthwise() && !plain) return depthwise_backward_data(shape_of(g), a.at<T>(0), weights, a.at<T>(4));
  }
  const auto plan = find_plan(g);
  const Memory dx = make_memory(plan->src.get(), a.at<T>(4)), dy = make_memory(plan->dst.get(), a.at<T>(0));
  execute(*plan, {{kDiffSrc, dx.get()}, {kDiffDst, dy.get()}}, weights, false);
}

// dy, x, w (its shape only), attr -> dw, [db]
template <class T>
void backward_weights(const Args& a) {
  const bool bias = a.count == 6;
  const Geometry g = geometry(kBackwardWeights, a, 1, 2, 0, 3, bias);
  T *x = a.at<T>(1), *dy = a.at<T>(0);
  if constexpr (std::is_same<T, Bf16>::value) {
    if (g.depthwise()) return depthwise_backward_weights(shape_of(g), x, dy, a.f(4), bias ? a.f(5) : nullptr);
  }
  if (g.group == 1 && weight_gradient_suits(shape_of(g))) {
    return weight_gradient(shape_of(g), x, dy, a.f(4), bias ? a.f(5) : nullptr);
  }
  const auto plan = find_plan(g);
  const Memory src = make_memory(plan->src.get(), x), dst = make_memory(plan->dst.get(), dy);
  const Memory db = make_memory(plan->bias.get(), bias ? a.f(5) : nullptr);
  std::vector<dnnl_exec_arg_t> args{{kSrc, src.get()}, {kDiffDst, dst.get()}};
  if (bias) args.push_back({kDiffBias, db.get()});
  execute(*plan, args, a.f(4), true);
}

}  // namespace
}  // namespace modnet

MODNET_MAP_OPERATOR(conv_forward, modnet::forward, 0)
MODNET_MAP_OPERATOR(conv_backward_data, modnet::backward_data, 0)
MODNET_MAP_OPERATOR(conv_backward_weights, modnet::backward_weights, 0)
