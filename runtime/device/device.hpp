// The border to a device: what the runtime needs of CUDA, or of the simulated device of the tests.
//
// A device has memory of its own: its addresses mean nothing on the host and the host's nothing on it. Work
// is put on streams and done later: in order within a stream, in any order between streams but for events.
// Nothing here blocks except where it says so. One host thread uses a device at a time; each rank has its
// own Device, also where several ranks share the hardware.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/ids.hpp"
#include "runtime/data/kernel.hpp"

namespace tutti {

using StreamId = Id<struct StreamTag>;
using EventId = Id<struct EventTag>;

/// Rows of bytes from one place to another, neither overlapping the other: `planes` x `rows` rows of
/// `row_bytes`. Strides are in bytes, from the start of a row (plane) to that of the next.
struct StridedCopy {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::uint64_t row_bytes = 0;
  std::uint64_t rows = 1;
  std::uint64_t planes = 1;
  std::uint64_t from_row = 0, from_plane = 0;
  std::uint64_t to_row = 0, to_plane = 0;
  std::uint64_t bytes() const { return row_bytes * rows * planes; }
};

enum class Direction : std::uint8_t { to_device, to_host, on_device };

/// One part of a launch: cells of one tile, or of several tiles together.
struct LaunchPart {
  Task task;               ///< `step` is in device memory: DeviceLaunch::step
  std::size_t first = 0;   ///< in DeviceLaunch::arguments: kernel.parameters.size() of them
  void* result = nullptr;  ///< device memory for the kernel's value; null if it has none
};

/// A kernel on some tiles of a rank, to be launched as one. Every address in it, also inside lists and tile
/// objects, is one of device memory: Argument::data (for Shape::tiles a list of Input<T>; for tile objects
/// the object, whose arrays are on the device, too), Argument::parts, LaunchPart::result. Parts may run in
/// any order and at the same time.
///
/// Each part is one tile if the kernel returns a value, uses its Task or reads tile objects or lists of
/// tiles; else tiles are merged into as few boxes as possible.
struct DeviceLaunch {
  Kernel kernel;
  const std::int64_t* step = nullptr;  ///< device memory: the step, for kernels that ask for it
  std::vector<LaunchPart> parts;
  std::vector<Argument> arguments;
  std::uint64_t cells() const {
    std::uint64_t n = 0;
    for (const LaunchPart& p : parts) n += static_cast<std::uint64_t>(p.task.box.size());
    return n;
  }
};

/// A launch that the device has prepared: its descriptions lie where the device wants them, in memory that it
/// counts. Ends before its device, and after the work that it was put for.
class PreparedLaunch {
 public:
  virtual ~PreparedLaunch() = default;
};

/// A captured sequence of operations, ready to be launched as one.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
};

/// What was asked of a device so far.
struct DeviceCounts {
  struct Copies {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
  };
  Copies to_device, to_host,
      on_device;               ///< gather() counts as on_device; copies in graphs count when launched
  std::uint64_t launches = 0;  ///< of kernels, those in graphs included
  std::uint64_t graph_launches = 0;
};

struct DeviceMemory {
  std::uint64_t capacity_bytes = 0;  ///< this rank's share of what the hardware has
  std::uint64_t used_bytes = 0;
  std::uint64_t high_water_bytes = 0;
};

class Device {
 public:
  virtual ~Device() = default;

  /// For reports: "NVIDIA H200 (device 0 of 1)", "simulated".
  virtual std::string name() const = 0;
  virtual DeviceMemory memory() const = 0;
  virtual DeviceCounts counts() const = 0;

  // -- memory; outside replay only
  /// From a pool; aligned to 256 bytes; undefined until written. Throws Error(environment) naming `what`
  /// ("field 'u'"), how much was asked for and how much there is.
  virtual std::byte* allocate(std::uint64_t bytes, const std::string& what) = 0;
  /// Outside of the pool where its memory cannot be given to other processes and to network cards.
  virtual std::byte* allocate_for_messages(std::uint64_t bytes, const std::string& what) = 0;
  /// What any of the two returned. All work that uses it is done. Null is allowed.
  virtual void free(std::byte* memory) noexcept = 0;
  /// Host memory that copies can use without another staging. Throws Error(environment).
  virtual std::byte* allocate_pinned(std::uint64_t bytes, const std::string& what) = 0;
  virtual void free_pinned(std::byte* memory) noexcept = 0;
  /// Whether code of the host may read and write the device's memory at its addresses, as any transport then
  /// does, while the device leaves it alone.
  virtual bool host_can_reach() const { return false; }

  // -- kernels
  /// Whether launches of this kernel are possible; if not, the runtime runs it on the host.
  virtual bool has_body(const Kernel& kernel) const = 0;
  /// Makes ready what launch() needs; throws as allocate(). Outside replay only. The launch may be launched
  /// any number of times.
  virtual std::unique_ptr<PreparedLaunch> prepare(DeviceLaunch launch) = 0;

  // -- streams and events; made outside replay, and there until the device ends
  virtual StreamId make_stream() = 0;
  virtual EventId make_event() = 0;
  /// The event happens when all that was put on the stream before has been done. Recording it again forgets
  /// the time before.
  virtual void record(EventId event, StreamId stream) = 0;
  /// What is put on the stream from now on waits for the event as it was last recorded. An event that was
  /// never recorded has happened.
  virtual void wait(StreamId stream, EventId event) = 0;
  /// Whether it has happened. Throws Error(environment) if something on the device went wrong: the kernel's
  /// own Error if the device can tell.
  virtual bool has_happened(EventId event) = 0;
  /// Blocks until everything on all streams is done. Throws as has_happened().
  virtual void synchronize() = 0;

  // -- work on a stream
  /// Copies between memories. Host memory must stay as it is until the copy is done; if it is not pinned, the
  /// device stages it itself, and the call may block meanwhile.
  virtual void copy(const StridedCopy& copy, Direction direction, StreamId stream) = 0;
  /// On the device: elements of `element_bytes` at from[positions[i]] to to[i], for i < count.
  virtual void gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
                      std::uint32_t element_bytes, std::byte* to, StreamId stream) = 0;
  /// On the device: *where += by. Steps are counted there, so that graphs can be launched again and again.
  virtual void add(std::int64_t* where, std::int64_t by, StreamId stream) = 0;
  virtual void launch(PreparedLaunch& launch, StreamId stream) = 0;

  // -- graphs
  /// From begin to end, work put on the stream is not done but kept: copy, gather, add and launch; no events.
  virtual void begin_capture(StreamId stream) = 0;
  virtual std::unique_ptr<DeviceGraph> end_capture(StreamId stream) = 0;
  virtual void launch(DeviceGraph& graph, StreamId stream) = 0;

  // -- loops: graphs whose length the device decides
  /// Whether make_loop() works here.
  virtual bool has_loops() const = 0;
  /// A graph that does pieces[*next], looks at *next again, and so on, until it names no piece (-1). `next`
  /// is in device memory; the pieces, captured graphs, change it. The loop keeps copies of them.
  virtual std::unique_ptr<DeviceGraph> make_loop(const std::vector<DeviceGraph*>& pieces,
                                                 const std::int64_t* next) = 0;
  /// For counts(): loops have done the piece so many times, as the host has learned afterwards. A device that
  /// sees it for itself need not be told.
  virtual void count_rounds(const DeviceGraph& piece, std::uint64_t times) = 0;
};

/// This rank among those that share a machine, and with it a device.
struct DeviceShare {
  std::uint32_t local_rank = 0;
  std::uint32_t local_ranks = 1;
};
/// Ranks go round the devices: rank l of a machine has device l % devices.
struct DeviceChoice {
  std::uint32_t device = 0;
  std::uint32_t ranks = 1;  ///< that share it
};
inline DeviceChoice choose_device(const DeviceShare& share, std::uint32_t devices) {
  const std::uint32_t device = share.local_rank % devices;
  return {device, (share.local_ranks - device + devices - 1) / devices};
}

/// The CUDA device of this rank. Throws Error(usage) if this build has none (none.cpp), Error(environment) if
/// no device is found: one line each.
std::shared_ptr<Device> make_cuda_device(const DeviceShare& share);

/// `kind` is "cuda" or "simulated"; null for "cpu".
std::shared_ptr<Device> make_device(const std::string& kind, const DeviceShare& share);

}  // namespace tutti
