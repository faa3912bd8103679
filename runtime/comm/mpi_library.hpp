// What the messages and the collectives through MPI share: the library with its lock, communicators, counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <mpi.h>

#include "runtime/exec/memory_order.hpp"

namespace tutti::mpi {

/// Throws Error(environment) with MPI's words for `code`.
[[noreturn]] void fail(int code, const char* call);
/// The same, unless it is MPI_SUCCESS.
inline void check(int code, const char* call) {
  if (code != MPI_SUCCESS) [[unlikely]]
    fail(code, call);
}

/// "single", "funneled", "serialized" or "multiple"
const char* level_name(int level);

/// A lock that is cheap to try: half the atomic operations of a std::mutex. Who waits for it yields; threads
/// in replays only try.
class TryLock {
 public:
  bool try_lock() {
    return !taken_.load(std::memory_order_relaxed) && !taken_.exchange(true, std::memory_order_acquire);
  }
  void lock() {
    while (!try_lock()) std::this_thread::yield();
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  alignas(cache_line_size_bytes) std::atomic<bool> taken_{false};
};

/// MPI itself, at the thread level that the environment variable TUTTI_MPI_THREADS names (`serialized` if it
/// is not set, or `single`), or as the program has initialised it; finalised by the last owner if this
/// initialised it and nothing went wrong. Holds the lock under which one thread at a time calls MPI.
class Library {
 public:
  Library(int& argc, char**& argv);
  ~Library() {
    if (owner_ && usable()) MPI_Finalize();
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  TryLock& lock() { return lock_; }
  int level() const { return level_; }
  /// See Transport::check_workers.
  void check_workers(std::uint32_t workers) const;

  /// False where a destructor must leave MPI alone.
  static bool usable() {
    int finalised = 0;
    MPI_Finalized(&finalised);
    return !finalised && std::uncaught_exceptions() == 0;
  }

 private:
  TryLock lock_;
  int level_ = MPI_THREAD_SINGLE;
  bool owner_ = false;
};

/// A duplicate of a communicator whose errors come back as codes. Made by all ranks together.
class Communicator {
 public:
  explicit Communicator(MPI_Comm of) {
    check(MPI_Comm_dup(of, &comm_), "MPI_Comm_dup");
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  ~Communicator() {
    if (Library::usable()) MPI_Comm_free(&comm_);
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  MPI_Comm get() const { return comm_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
};

/// `bytes` bytes in the words of MPI, whose counts are int: more than that become one element of a type.
class Extent {
 public:
  explicit Extent(std::uint64_t bytes);
  ~Extent() {
    if (type_ != MPI_BYTE && Library::usable()) MPI_Type_free(&type_);
  }
  Extent(Extent&& other) noexcept : count_(other.count_), type_(std::exchange(other.type_, MPI_BYTE)) {}
  Extent& operator=(Extent&&) = delete;
  int count() const { return count_; }
  MPI_Datatype type() const { return type_; }

 private:
  int count_ = 1;
  MPI_Datatype type_ = MPI_BYTE;
};

}  // namespace tutti::mpi
