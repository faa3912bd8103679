// The CUDA device behind the border of runtime/device. Uses nothing but the CUDA runtime.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <cuda_runtime_api.h>

#include "gpu/bodies.hpp"
#include "runtime/device/device.hpp"

namespace tutti::gpu {

class CudaDevice : public Device {
 public:
  /// Device `choice.device` for this process, with this rank's share of its memory. Throws
  /// Error(environment).
  explicit CudaDevice(const DeviceChoice& choice, Bodies bodies = Bodies::tuned);
  ~CudaDevice() override;
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  std::string name() const override { return name_; }
  DeviceMemory memory() const override { return memory_; }
  DeviceCounts counts() const override { return counts_; }
  std::byte* allocate(std::uint64_t bytes, const std::string& what) override;
  std::byte* allocate_for_messages(std::uint64_t bytes, const std::string& what) override;
  void free(std::byte* memory) noexcept override;
  std::byte* allocate_pinned(std::uint64_t bytes, const std::string& what) override;
  void free_pinned(std::byte* memory) noexcept override;
  bool has_body(const Kernel& kernel) const override { return table_.find(kernel) != nullptr; }
  std::unique_ptr<PreparedLaunch> prepare(DeviceLaunch launch) override;
  StreamId make_stream() override;
  EventId make_event() override;
  void record(EventId event, StreamId stream) override;
  void wait(StreamId stream, EventId event) override;
  bool has_happened(EventId event) override;
  void synchronize() override;
  void copy(const StridedCopy& copy, Direction direction, StreamId stream) override;
  void gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
              std::uint32_t element_bytes, std::byte* to, StreamId stream) override;
  void add(std::int64_t* where, std::int64_t by, StreamId stream) override;
  void launch(PreparedLaunch& launch, StreamId stream) override;
  void begin_capture(StreamId stream) override;
  std::unique_ptr<DeviceGraph> end_capture(StreamId stream) override;
  void launch(DeviceGraph& graph, StreamId stream) override;
  bool has_loops() const override { return has_loops_; }
  std::unique_ptr<DeviceGraph> make_loop(const std::vector<DeviceGraph*>& pieces,
                                         const std::int64_t* next) override;
  void count_rounds(const DeviceGraph& piece, std::uint64_t times) override;

  /// For measurements beside the runtime.
  cudaStream_t stream(StreamId id) const { return streams_[id.index()]; }

 private:
  struct Taken {
    std::uint64_t bytes;
    bool pooled;
  };
  void use() const;
  std::byte* take(std::uint64_t bytes, bool pooled, const std::string& what);
  bool is_pinned(const std::byte* at, std::uint64_t bytes) const;
  DeviceCounts& counting() { return capturing_ ? captured_ : counts_; }

  int device_;
  std::uint32_t ranks_;  // that share it
  std::string name_;
  DeviceMemory memory_;
  DeviceCounts counts_;
  DeviceCounts captured_;
  bool capturing_ = false;
  bool has_loops_ = false;
  BodyTable table_;
  cudaMemPool_t pool_ = nullptr;
  cudaStream_t pool_stream_ = nullptr;  // allocations are ordered on it
  std::unordered_map<std::byte*, Taken> taken_;
  std::map<const std::byte*, std::uint64_t> pinned_;  // by start
  std::vector<cudaStream_t> streams_;
  std::vector<cudaEvent_t> events_;
};

/// How many devices this process sees. Throws Error(environment), in one line, if there is none or no
/// driver.
std::uint32_t device_count();

}  // namespace tutti::gpu
