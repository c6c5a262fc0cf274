// A fork-join thread pool shared by all operators of this library.
//
// Own threads instead of OpenMP: their waiting can be tuned here (a short spin, then sleep), so that they
// never fight the framework's own pool, whatever OMP_WAIT_POLICY says.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace modnet {

class Pool {
 public:
  // The process-wide pool. Its size is MODNET_CPU_THREADS, else the number of CPUs we may run on.
  // OMP_NUM_THREADS is not asked: MindSpore sets it for its own purposes while it starts.
  static Pool& instance();

  int size() const { return size_; }

  // Calls task(0) ... task(size() - 1), each on its own thread; task(0) runs on the calling thread.
  // A call from inside a task, or from a forked child (which has no worker threads), runs serially.
  void run(const std::function<void(int)>& task);

  bool inside() const;

 private:
  Pool();
  void work(int index);

  int size_ = 1;
  const std::function<void(int)>* task_ = nullptr;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  struct State;
  State* state_;
};

// Splits [0, count) into one contiguous range a thread and calls body(begin, end, thread).
// Ranges are multiples of `grain` long, the last one excepted; a thread whose range is empty is not called.
void parallel_ranges(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t, int)>& body);

}  // namespace modnet
