// The stages of a device schedule with every address resolved: what each puts on its stream.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "runtime/device/device_store.hpp"
#include "runtime/graph/device_schedule.hpp"
#include "runtime/graph/plan.hpp"

namespace tutti {

/// Host memory that copies use without another staging, and that frees itself.
class PinnedBuffer {
 public:
  PinnedBuffer(std::shared_ptr<Device> device, std::uint64_t bytes, const std::string& what)
      : device_(std::move(device)), data_(device_->allocate_pinned(bytes, what)) {}
  ~PinnedBuffer() { device_->free_pinned(data_); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  std::byte* data() const { return data_; }

 private:
  std::shared_ptr<Device> device_;
  std::byte* data_;
};

class DeviceStages {
 public:
  /// Allocates what the stages need on the device. Messages that are packed there get staging there where
  /// `direct` says so, else pinned staging, and reductions of device kernels pinned partial results: the
  /// plan's addresses change.
  DeviceStages(Plan& plan, const Dataflow& flow, const DeviceSchedule& schedule,
               const std::vector<bool>& direct, std::shared_ptr<DeviceContext> context);
  /// Waits for the device.
  ~DeviceStages();

  /// What the host does right before put(): scalars and arrived messages into pinned memory.
  void prepare(std::uint32_t stage);
  /// What the host does when the stage has been done: scalars from pinned memory.
  void finish(std::uint32_t stage);
  /// Puts the stage on a stream, as one graph where it has several operations and can be captured.
  void put(std::uint32_t stage, StreamId stream);
  /// Its operations one by one: for a capture by the caller.
  void put_operations(std::uint32_t stage, StreamId stream);
  bool can_be_captured(std::uint32_t stage) const { return stages_[stage].can_be_captured; }
  /// The step at which the stage is put next; between runs.
  void set_step(std::uint32_t stage, std::int64_t step);
  /// Device memory: whether the stop_when `operation` has just ended the run, in 8 bytes. Those of all
  /// stop_when lie in the order of operations.
  std::byte* decision(std::uint32_t operation) const;
  /// Pinned staging of a message, null if it has none: what travels is there before the message starts.
  void before_start(std::uint32_t message);

 private:
  struct Work {
    std::vector<std::function<void(StreamId)>> operations;
    struct ScalarCopy {
      std::byte* value;  // the host's
      std::byte* pinned;
      std::uint64_t bytes;
    };
    std::vector<ScalarCopy> scalars_up, scalars_down;
    std::vector<std::uint32_t> arrived;  // messages
    std::unique_ptr<DeviceGraph> graph;
    std::int64_t* step = nullptr;  // device memory
    bool uses_step = false;
    bool can_be_captured = true;
  };

  void add(Work& work, const DeviceAction& action);
  void add_launch(Work& work, const DeviceAction& action);
  void add_transfer(Work& work, const DeviceAction& action);
  void add_message(Work& work, const DeviceAction& action);
  void add_scalar_transfer(Work& work, DeviceStore& store, bool up);
  void add_partials(Work& work, const DeviceAction& action);
  void add_combine(Work& work, const DeviceAction& action);
  void add_prepared(Work& work, DeviceLaunch launch);
  void* result_of(const PlanNode& node);
  void merge_tiles(DeviceLaunch& launch, const DeviceAction& action, const Work& work);
  Argument argument(const PlanNode& node, std::uint32_t access, const Work& work);
  Argument input_list(Argument host, DeviceStore& store);
  Argument part_list(Argument host, DeviceStore& store);
  DeviceStore& image(std::int32_t store);
  std::byte* constant(const void* host, std::uint64_t bytes);  // a copy on the device
  std::byte* upload(std::vector<std::byte> list, const char* what);
  void copy_step(const Work& work, const std::int64_t& step);
  std::byte* partials(std::uint32_t reduction);
  std::uint32_t reduction_of(std::uint32_t operation) const;
  std::byte* device_memory(std::uint64_t bytes, const char* what);
  std::byte* pinned_memory(std::uint64_t bytes, const char* what);

  Plan& plan_;
  const Dataflow& flow_;  // while it is constructed
  std::shared_ptr<DeviceContext> context_;
  Device& device_;
  std::vector<Work> stages_;
  std::vector<std::unique_ptr<PreparedLaunch>> launches_;
  std::vector<DeviceBuffer> buffers_;
  std::vector<std::unique_ptr<PinnedBuffer>> pinned_;
  std::vector<std::vector<std::byte>> lists_;     // while it is constructed
  std::vector<std::byte*> pinned_staging_;        // by message
  std::map<const void*, std::byte*> constants_;   // lists that stay, by the host's address
  std::map<std::uint32_t, std::byte*> partials_;  // by reduction
  std::byte* decisions_ = nullptr;
};

/// The fewest boxes that a simple rule finds: neighbours of equal extent are put together, along the last
/// dimension first. Exactly the cells of `boxes`, which do not overlap.
std::vector<Box> merged(std::vector<Box> boxes);

}  // namespace tutti
