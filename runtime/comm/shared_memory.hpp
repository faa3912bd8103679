// Memory that several processes of one node map.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tutti {

/// What another process needs to find shared memory. Plain bytes, to be sent to it.
struct MemoryHandle {
  std::uint64_t token = 0;  ///< random: tells the memory from whatever else goes by these numbers elsewhere
  std::uint64_t bytes = 0;
  std::int64_t process = 0;
  std::int64_t file = 0;
};

/// A piece of shared memory, as mapped by this process. It has no name in any file system: the system frees
/// it with its last mapping, however the processes end.
class SharedMemory {
 public:
  /// New memory, zero, with its pages in place. Null if the system refuses.
  static std::shared_ptr<SharedMemory> create(std::uint64_t bytes);
  /// The memory that `handle` stands for, if it is on this node, this process may map it, and the one that
  /// created it has not called `stop_sharing`; else null. What this process has mapped is not mapped again.
  static std::shared_ptr<SharedMemory> find(const MemoryHandle& handle);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  const MemoryHandle& handle() const { return handle_; }
  /// Nobody new will find it; those who have it keep it.
  void stop_sharing();
  std::byte* data() const;  ///< on a page's second cache line

 private:
  SharedMemory() = default;
  bool map(int file);

  MemoryHandle handle_;
  void* mapping_ = nullptr;
  int file_ = -1;
};

}  // namespace tutti
