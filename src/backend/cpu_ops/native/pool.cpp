#include "pool.hpp"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

namespace modnet {
namespace {

// About 30 microseconds: longer than the gap between two operators of a running graph, short enough
// to leave the core to others when the graph pauses.
constexpr int kSpins = 600;
constexpr int kMaxThreads = 256;

thread_local bool in_task = false;
std::atomic<bool> forked{false};

int threads_from(const char* variable) {
  const char* text = std::getenv(variable);
  const int value = text ? std::atoi(text) : 0;
  return value > 0 ? std::min(value, kMaxThreads) : 0;
}

// The CPUs that the process may use: those of its first thread, because the framework may bind the calling one.
cpu_set_t allowed_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(getpid(), sizeof(set), &set) != 0) {
    CPU_ZERO(&set);
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) CPU_SET(i, &set);
  }
  return set;
}

}  // namespace

struct Pool::State {
  std::atomic<uint64_t> round{0};
  std::atomic<int> pending{0};
  std::mutex caller;  // one parallel region at a time
};

Pool& Pool::instance() {
  static Pool* pool = new Pool();  // never destroyed: its threads may outlive static destructors
  return *pool;
}

Pool::Pool() : state_(new State) {
  size_ = threads_from("MODNET_CPU_THREADS");
  const cpu_set_t cpus = allowed_cpus();
  if (!size_) size_ = std::clamp(CPU_COUNT(&cpus), 1, kMaxThreads);
  pthread_atfork(nullptr, nullptr, [] { forked = true; });
  for (int i = 1; i < size_; ++i) {
    std::thread thread(&Pool::work, this, i);
    pthread_setaffinity_np(thread.native_handle(), sizeof(cpus), &cpus);
    thread.detach();
  }
}

bool Pool::inside() const { return in_task; }

void Pool::run(const std::function<void(int)>& task) {
  if (size_ == 1 || in_task || forked) {
    const bool before = in_task;
    in_task = true;
    for (int i = 0; i < size_; ++i) task(i);
    in_task = before;
    return;
  }
  std::lock_guard<std::mutex> turn(state_->caller);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    task_ = &task;
    state_->pending = size_ - 1;
    ++state_->round;
  }
  wake_.notify_all();
  in_task = true;
  task(0);
  in_task = false;
  for (int i = 0; i < kSpins && state_->pending.load(std::memory_order_acquire); ++i) _mm_pause();
  if (!state_->pending.load(std::memory_order_acquire)) return;
  std::unique_lock<std::mutex> lock(mutex_);
  done_.wait(lock, [&] { return state_->pending.load(std::memory_order_acquire) == 0; });
}

void Pool::work(int index) {
  in_task = true;
  for (uint64_t round = 1;; ++round) {
    for (int i = 0; i < kSpins && state_->round.load(std::memory_order_acquire) < round; ++i) _mm_pause();
    if (state_->round.load(std::memory_order_acquire) < round) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return state_->round.load(std::memory_order_acquire) >= round; });
    }
    (*task_)(index);
    if (state_->pending.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      std::lock_guard<std::mutex> lock(mutex_);
      done_.notify_one();
    }
  }
}

void parallel_ranges(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t, int)>& body) {
  Pool& pool = Pool::instance();
  const int64_t blocks = (count + grain - 1) / grain;
  const int threads = static_cast<int>(std::min<int64_t>(pool.size(), blocks));
  if (threads <= 1) {
    if (count > 0) body(0, count, 0);
    return;
  }
  pool.run([&](int thread) {
    if (thread >= threads) return;
    const int64_t begin = blocks * thread / threads * grain;
    const int64_t end = std::min(count, blocks * (thread + 1) / threads * grain);
    if (begin < end) body(begin, end, thread);
  });
}

}  // namespace modnet
