// The weight gradient is a sum over pixels of outer products (patch of x) x (vector of dy). Neighbouring columns and
// channels of an NHWC patch are contiguous, so for each row of the kernel the patch is one run of kw * ic floats.
// A tile of it times a few vectors of dy is kept in registers while it runs over some rows of the map.
//
// Each thread takes a share of the rows of all pictures and sums into weights of its own, which are added up last.
#include "wgrad.hpp"

#include <algorithm>
#include <vector>

#include "pool.hpp"
#include "runtime.hpp"
#include "wgrad_rows.hpp"
#include "wgrad_tile.hpp"

namespace modnet {
namespace {

constexpr int64_t kMaxWeights = 128 * 1024;
constexpr int64_t kMinPixels = 4096;
constexpr int64_t kRunPixels = 128;  // pixels that a register tile runs over: x and dy of so many stay in the L1 cache

int64_t whole_vectors(int64_t floats) { return (floats + kLanes - 1) / kLanes * kLanes; }

// Loads and multiplications a pixel, when `scalars` are broadcast and `vectors` are loaded.
int64_t cost(int64_t scalars, int64_t vectors) {
  const int64_t v = whole_vectors(vectors) / kLanes;
  return scalars * (v + (v + kMaxVectors - 1) / kMaxVectors);
}

// How the sums of a shape are laid out: [taps][scalars][vectors]. The patch has `depth` entries for each tap.
struct Layout {
  int64_t taps, depth, scalars, vectors;
  bool patch_is_vector;  // else dy is

  explicit Layout(const ConvShape& s)
      : taps(s.dilation == 1 ? s.kh : s.kh * s.kw), depth(s.dilation == 1 ? s.kw * s.ic : s.ic) {
    patch_is_vector = cost(s.oc, depth) < cost(depth, s.oc);
    scalars = patch_is_vector ? s.oc : depth;
    vectors = whole_vectors(patch_is_vector ? depth : s.oc);
  }
  int64_t size() const { return taps * scalars * vectors; }
  int64_t at(int64_t tap, int64_t entry, int64_t o) const {
    return (tap * scalars + (patch_is_vector ? o : entry)) * vectors + (patch_is_vector ? entry : o);
  }
};

// Sums one thread's share of the rows.
template <class T>
class Worker {
 public:
  Worker(const ConvShape& s, const Layout& layout, const T* x, const T* dy)
      : s_(s),
        layout_(layout),
        dy_step_(layout.patch_is_vector ? s.oc : layout.vectors),
        rows_(std::max<int64_t>(1, kRunPixels / s.ow)),
        maps_(s, x, dy, rows_, dy_step_, layout.patch_is_vector && layout.depth % kLanes) {}

  // Adds the output rows [begin, end), counted through all pictures, to `sum` (as in Layout) and `bias` [oc].
  void run(int64_t begin, int64_t end, float* sum, float* bias) {
    for (int64_t row = begin; row < end;) {
      const int64_t image = row / s_.oh, first = row % s_.oh;
      const int64_t rows = std::min({rows_, end - row, s_.oh - first});
      block(image, first, rows, sum, bias);
      row += rows;
    }
  }

 private:
  using Entry = typename MapRows<T>::Entry;

  void block(int64_t image, int64_t first, int64_t rows, float* sum, float* bias) {
    std::vector<const Entry*> dy(rows);
    for (int64_t r = 0; r < rows; ++r) dy[r] = maps_.dy(image, first + r, r);
    for (int64_t r = 0; bias && r < rows; ++r) add_bias(dy[r], bias);
    std::vector<Run<Entry>> runs;
    for (int64_t tap = 0; tap < layout_.taps; ++tap) {
      const int64_t kh = s_.dilation == 1 ? tap : tap / s_.kw, kw = s_.dilation == 1 ? 0 : tap % s_.kw;
      for (int64_t at = 0; at < s_.ow; at += kRunPixels) {
        runs.clear();
        for (int64_t r = 0; r < rows; ++r) {
          const int64_t ih = (first + r) * s_.stride + kh * s_.dilation - s_.top;
          if (ih < 0 || ih >= s_.ih) continue;
          const Entry *x = maps_.x(image, ih) + maps_.x_begin(at, kw), *y = dy[r] + maps_.steps(at) * dy_step_;
          const int64_t steps = maps_.steps(std::min(kRunPixels, s_.ow - at));
          runs.push_back(layout_.patch_is_vector ? Run<Entry>{y, x, steps} : Run<Entry>{x, y, steps});
        }
        if (!runs.empty()) multiply(runs, sum + tap * layout_.scalars * layout_.vectors);
      }
    }
  }

  void multiply(const std::vector<Run<Entry>>& runs, float* sum) const {
    const int64_t vectors = layout_.vectors / kLanes, group = group_of(vectors);
    const int64_t scalar_step = layout_.patch_is_vector ? dy_step_ : maps_.x_step();
    const int64_t vector_step = layout_.patch_is_vector ? maps_.x_step() : dy_step_;
    for (int64_t v = 0; v < vectors; v += group) {
      const int64_t now = std::min(group, vectors - v), most = kRows[now];
      const int64_t tiles = (layout_.scalars + most - 1) / most;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t begin = layout_.scalars * t / tiles, end = layout_.scalars * (t + 1) / tiles;
        float* to = sum + begin * layout_.vectors + v * kLanes;
        pick<Entry>(end - begin, now)(runs.data(), runs.size(), begin, scalar_step, v * kLanes, vector_step, to,
                                      layout_.vectors);
      }
    }
  }

  void add_bias(const Entry* dy, float* bias) const {
    const int64_t steps = maps_.steps(s_.ow);
    int64_t o = 0;
    for (; o + kLanes <= s_.oc; o += kLanes) {
      Vec sum = {};
      for (int64_t p = 0; p < steps; ++p) sum = add_entries(sum, dy + p * dy_step_ + o);
      store(bias + o, load(bias + o) + sum);
    }
    for (; o < s_.oc; ++o) {
      float sum = 0;
      for (int64_t p = 0; p < steps; ++p) sum += sum_of(dy[p * dy_step_ + o]);
      bias[o] += sum;
    }
  }

  const ConvShape& s_;
  const Layout& layout_;
  int64_t dy_step_, rows_;
  MapRows<T> maps_;
};

template <class T>
void gradient(const ConvShape& s, const T* x, const T* dy, float* dw, float* db) {
  static Scratch& scratch = *new Scratch();
  const Layout layout(s);
  const int64_t sums = layout.size(), share = sums + s.oc, threads = Pool::instance().size();
  float* all = scratch.floats(threads * share);
  std::fill_n(all, threads * share, 0.f);
  parallel_ranges(s.n * s.oh, 1, [&](int64_t begin, int64_t end, int thread) {
    float* mine = all + thread * share;
    Worker<T>(s, layout, x, dy).run(begin, end, mine, db ? mine + sums : nullptr);
  });
  auto total = [&](int64_t at) {
    float sum = 0;
    for (int64_t t = 0; t < threads; ++t) sum += all[t * share + at];
    return sum;
  };
  parallel_ranges(s.oc, 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t k = 0; k < s.kh * s.kw; ++k)
        for (int64_t i = 0; i < s.ic; ++i) {
          const int64_t column = k * s.ic + i;  // taps * depth of them, whichever way they are cut
          dw[(o * s.ic + i) * s.kh * s.kw + k] = total(layout.at(column / layout.depth, column % layout.depth, o));
        }
      if (db) db[o] = total(sums + o);
    }
  });
}

}  // namespace

bool weight_gradient_suits(const ConvShape& s) {
  return s.ic * s.oc * s.kh * s.kw <= kMaxWeights && s.n * s.oh * s.ow >= kMinPixels;
}

void weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw, float* db) {
  gradient(s, x, dy, dw, db);
}

void weight_gradient(const ConvShape& s, const Bf16* x, const Bf16* dy, float* dw, float* db) {
#if defined(__AVX512BF16__)
  gradient(s, x, dy, dw, db);
#else
  check(false, "this CPU does not multiply bfloat16");
#endif
}

}  // namespace modnet
