#include "gpu/cuda_device.hpp"

#include <algorithm>
#include <cstdio>

#include "gpu/cuda_check.hpp"
#include "gpu/device_array.hpp"
#include "gpu/device_kernels.hpp"
#include "gpu/loop_graph.hpp"

namespace tutti {
namespace gpu {
namespace {

/// Made ready to be launched by its first launch: pieces of loops are never launched by themselves.
class CudaGraph : public DeviceGraph {
 public:
  CudaGraph(cudaGraph_t graph, const DeviceCounts& counts) : graph(graph), counts(counts) {}
  ~CudaGraph() override {
    if (exec_ != nullptr) cudaGraphExecDestroy(exec_);
    cudaGraphDestroy(graph);
  }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;
  cudaGraphExec_t exec() {
    if (exec_ == nullptr) check(cudaGraphInstantiate(&exec_, graph, 0), "instantiating a graph");
    return exec_;
  }

  cudaGraph_t graph;
  DeviceCounts counts;  // of one launch; of a loop: without its pieces

 private:
  cudaGraphExec_t exec_ = nullptr;
};

void add_counts(DeviceCounts::Copies& to, const DeviceCounts::Copies& more, std::uint64_t times = 1) {
  to.count += times * more.count;
  to.bytes += times * more.bytes;
}

std::string gibibytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

[[noreturn]] void out_of_memory(const std::string& what, const char* where, std::uint64_t asked,
                                std::uint64_t free, std::uint64_t all) {
  throw Error(Status::environment, what + " needs " + gibibytes(asked) + " of " + where + ", but only " +
                                       gibibytes(free) + " of " + gibibytes(all) +
                                       " are free for this rank; use more devices or a smaller problem");
}

// Rows shorter than this are copied by a kernel: the copy engines take tens of nanoseconds for each.
constexpr std::uint64_t short_row_bytes = 4096;
// Strides that the copy engines know (cudaDevAttrMaxPitch of all devices so far).
constexpr std::uint64_t most_pitch_bytes = (std::uint64_t{1} << 31) - 1;

thread_local Device* preparing = nullptr;

// The current device belongs to the calling thread, which may be another one each time.
cudaError_t set_device(int device) {
  thread_local int current = -1;
  if (current == device) return cudaSuccess;
  const cudaError_t status = cudaSetDevice(device);
  current = status == cudaSuccess ? device : -1;
  return status;
}

// Strides that make equal steps of copies with one row or one plane.
StridedCopy regular(StridedCopy c) {
  if (c.planes == 1) {
    c.from_plane = c.from_row * c.rows;
    c.to_plane = c.to_row * c.rows;
  }
  if (c.rows == 1) {  // planes take the place of rows
    c.rows = c.planes;
    c.planes = 1;
    c.from_row = c.from_plane;
    c.to_row = c.to_plane;
  }
  if (c.rows > 1 && c.from_row == c.row_bytes && c.to_row == c.row_bytes) {
    if (c.planes == 1 || (c.from_plane == c.rows * c.row_bytes && c.to_plane == c.rows * c.row_bytes)) {
      c.row_bytes *= c.rows * c.planes;
      c.rows = c.planes = 1;
    } else {
      c.row_bytes *= c.rows;
      c.rows = c.planes;
      c.planes = 1;
      c.from_row = c.from_plane;
      c.to_row = c.to_plane;
    }
  }
  return c;
}

void copy_by_engine(const StridedCopy& c, cudaStream_t stream) {
  if (c.rows == 1) {
    check(cudaMemcpyAsync(c.to, c.from, c.row_bytes, cudaMemcpyDefault, stream), "copying");
    return;
  }
  if (std::max(c.from_row, c.to_row) > most_pitch_bytes) {
    for (std::uint64_t p = 0; p < c.planes; ++p)
      for (std::uint64_t r = 0; r < c.rows; ++r)
        check(
            cudaMemcpyAsync(c.to + p * c.to_plane + r * c.to_row, c.from + p * c.from_plane + r * c.from_row,
                            c.row_bytes, cudaMemcpyDefault, stream),
            "copying rows");
    return;
  }
  for (std::uint64_t p = 0; p < c.planes; ++p)
    check(cudaMemcpy2DAsync(c.to + p * c.to_plane, c.to_row, c.from + p * c.from_plane, c.from_row,
                            c.row_bytes, c.rows, cudaMemcpyDefault, stream),
          "copying rows");
}

}  // namespace

Device* preparing_device() { return preparing; }

std::uint32_t device_count() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();
    throw Error(Status::environment,
                std::string("no CUDA device was found (") +
                    (status == cudaSuccess ? "the driver lists none" : cudaGetErrorString(status)) +
                    "); run on a machine with a GPU and its driver, or with --device cpu");
  }
  return static_cast<std::uint32_t>(count);
}

CudaDevice::CudaDevice(const DeviceChoice& choice, Bodies bodies)
    : device_(static_cast<int>(choice.device)), ranks_(choice.ranks), table_(bodies) {
  const std::uint32_t devices = device_count();
  use();
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, device_), "asking for a device's properties");
  name_ = std::string(properties.name) + " (device " + std::to_string(device_) + " of " +
          std::to_string(devices) + ")";
  std::size_t free_bytes = 0, total_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for the device's memory");
  memory_.capacity_bytes = std::min<std::uint64_t>(free_bytes, total_bytes / ranks_);

  cudaMemPoolProps pool{};
  pool.allocType = cudaMemAllocationTypePinned;
  pool.location.type = cudaMemLocationTypeDevice;
  pool.location.id = device_;
  check(cudaMemPoolCreate(&pool_, &pool), "making a memory pool");
  std::uint64_t keep = ~std::uint64_t{0};  // what is given back stays in the pool
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep), "setting up a memory pool");
  check(cudaStreamCreateWithFlags(&pool_stream_, cudaStreamNonBlocking), "making a stream");
  load_device_kernels();
  has_loops_ = has_loop_graphs();
}

CudaDevice::~CudaDevice() {
  set_device(device_);
  cudaDeviceSynchronize();
  for (cudaEvent_t e : events_) cudaEventDestroy(e);
  for (cudaStream_t s : streams_) cudaStreamDestroy(s);
  for (const auto& [start, bytes] : pinned_) cudaFreeHost(const_cast<std::byte*>(start));
  for (const auto& [start, taken] : taken_)
    taken.pooled ? cudaFreeAsync(start, pool_stream_) : cudaFree(start);
  cudaStreamSynchronize(pool_stream_);
  cudaStreamDestroy(pool_stream_);
  cudaMemPoolDestroy(pool_);
}

void CudaDevice::use() const { check(set_device(device_), "choosing a device"); }

std::byte* CudaDevice::allocate(std::uint64_t bytes, const std::string& what) {
  return take(bytes, true, what);
}

// Memory of pools cannot be opened by other processes through the handles that MPI libraries use.
std::byte* CudaDevice::allocate_for_messages(std::uint64_t bytes, const std::string& what) {
  return take(bytes, false, what);
}

std::byte* CudaDevice::take(std::uint64_t bytes, bool pooled, const std::string& what) {
  use();
  const std::uint64_t free = memory_.capacity_bytes - memory_.used_bytes;
  if (bytes > free) out_of_memory(what, "device memory", bytes, free, memory_.capacity_bytes);
  void* memory = nullptr;
  const std::size_t size = bytes > 0 ? bytes : 1;
  const cudaError_t status =
      pooled ? cudaMallocFromPoolAsync(&memory, size, pool_, pool_stream_) : cudaMalloc(&memory, size);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t really_free = 0, total = 0;
    check(cudaMemGetInfo(&really_free, &total), "asking for the device's memory");
    out_of_memory(what, "device memory", bytes, really_free, total);
  }
  check(status, "allocating device memory");
  check(cudaStreamSynchronize(pool_stream_), "allocating device memory");
  auto* start = static_cast<std::byte*>(memory);
  taken_.emplace(start, Taken{bytes, pooled});
  memory_.used_bytes += bytes;
  memory_.high_water_bytes = std::max(memory_.high_water_bytes, memory_.used_bytes);
  return start;
}

void CudaDevice::free(std::byte* memory) noexcept {
  const auto at = taken_.find(memory);
  if (at == taken_.end()) return;
  set_device(device_);
  if (at->second.pooled)
    cudaFreeAsync(memory, pool_stream_);
  else
    cudaFree(memory);
  memory_.used_bytes -= at->second.bytes;
  taken_.erase(at);
}

std::byte* CudaDevice::allocate_pinned(std::uint64_t bytes, const std::string& what) {
  use();
  void* memory = nullptr;
  const cudaError_t status = cudaMallocHost(&memory, bytes > 0 ? bytes : 1);
  if (status != cudaSuccess) {
    cudaGetLastError();
    throw Error(Status::environment, what + " needs " + gibibytes(bytes) +
                                         " of pinned host memory: " + cudaGetErrorString(status) +
                                         "; raise the limit (ulimit -l) or use more ranks");
  }
  auto* start = static_cast<std::byte*>(memory);
  pinned_.emplace(start, bytes);
  return start;
}

void CudaDevice::free_pinned(std::byte* memory) noexcept {
  const auto at = pinned_.find(memory);
  if (at == pinned_.end()) return;
  pinned_.erase(at);
  set_device(device_);
  cudaFreeHost(memory);
}

bool CudaDevice::is_pinned(const std::byte* at, std::uint64_t bytes) const {
  auto part = pinned_.upper_bound(at);
  if (part == pinned_.begin()) return false;
  --part;
  return at + bytes <= part->first + part->second;
}

std::unique_ptr<PreparedLaunch> CudaDevice::prepare(DeviceLaunch launch) {
  use();
  const Prepare prepare = table_.find(launch.kernel);
  if (prepare == nullptr)
    throw Error(Status::usage, "kernel '" + launch.kernel.name + "' has no body on the device");
  struct Preparing {  // whose arrays are taken from this device
    explicit Preparing(Device* device) { preparing = device; }
    ~Preparing() { preparing = nullptr; }
  } scope(this);
  return prepare(launch);
}

StreamId CudaDevice::make_stream() {
  use();
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  streams_.push_back(stream);
  return StreamId{streams_.size() - 1};
}

EventId CudaDevice::make_event() {
  use();
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event");
  events_.push_back(event);
  return EventId{events_.size() - 1};
}

void CudaDevice::record(EventId event, StreamId stream) {
  use();
  check(cudaEventRecord(events_[event.index()], streams_[stream.index()]), "recording an event");
}

void CudaDevice::wait(StreamId stream, EventId event) {
  use();
  check(cudaStreamWaitEvent(streams_[stream.index()], events_[event.index()], 0), "waiting for an event");
}

bool CudaDevice::has_happened(EventId event) {
  use();
  const cudaError_t status = cudaEventQuery(events_[event.index()]);
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // else the next check of a launch would find it
    return false;
  }
  check(status, "running kernels and copies");
  return true;
}

void CudaDevice::synchronize() {
  use();
  check(cudaDeviceSynchronize(), "running kernels and copies");
}

void CudaDevice::copy(const StridedCopy& copy, Direction direction, StreamId stream) {
  if (copy.bytes() == 0) return;
  use();
  const StridedCopy c = regular(copy);
  DeviceCounts& counts = counting();
  DeviceCounts::Copies& kind = direction == Direction::to_device ? counts.to_device
                               : direction == Direction::to_host ? counts.to_host
                                                                 : counts.on_device;
  add_counts(kind, {1, c.bytes()});
  const std::byte* host = direction == Direction::to_device ? c.from : c.to;
  const std::uint64_t host_row = direction == Direction::to_device ? c.from_row : c.to_row;
  const std::uint64_t host_plane = direction == Direction::to_device ? c.from_plane : c.to_plane;
  const std::uint64_t host_bytes = (c.planes - 1) * host_plane + (c.rows - 1) * host_row + c.row_bytes;
  const bool reachable = direction == Direction::on_device || is_pinned(host, host_bytes);
  if (c.rows > 1 && c.row_bytes < short_row_bytes && reachable)
    copy_rows(c, streams_[stream.index()]);
  else
    copy_by_engine(c, streams_[stream.index()]);
}

void CudaDevice::gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
                        std::uint32_t element_bytes, std::byte* to, StreamId stream) {
  use();
  add_counts(counting().on_device, {1, count * element_bytes});
  gpu::gather(from, positions, count, element_bytes, to, streams_[stream.index()]);
}

void CudaDevice::add(std::int64_t* where, std::int64_t by, StreamId stream) {
  use();
  add_to(where, by, streams_[stream.index()]);
}

void CudaDevice::launch(PreparedLaunch& launch, StreamId stream) {
  use();
  ++counting().launches;
  static_cast<CudaLaunch&>(launch).run(streams_[stream.index()]);
}

void CudaDevice::begin_capture(StreamId stream) {
  use();
  check(cudaStreamBeginCapture(streams_[stream.index()], cudaStreamCaptureModeThreadLocal),
        "beginning a capture");
  capturing_ = true;
  captured_ = {};
}

std::unique_ptr<DeviceGraph> CudaDevice::end_capture(StreamId stream) {
  capturing_ = false;
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(streams_[stream.index()], &graph), "ending a capture");
  return std::make_unique<CudaGraph>(graph, captured_);
}

void CudaDevice::launch(DeviceGraph& graph, StreamId stream) {
  use();
  auto& g = static_cast<CudaGraph&>(graph);
  ++counts_.graph_launches;
  count_rounds(g, 1);
  check(cudaGraphLaunch(g.exec(), streams_[stream.index()]), "launching a graph");
}

std::unique_ptr<DeviceGraph> CudaDevice::make_loop(const std::vector<DeviceGraph*>& pieces,
                                                   const std::int64_t* next) {
  use();
  std::vector<cudaGraph_t> graphs;
  for (const DeviceGraph* p : pieces) graphs.push_back(static_cast<const CudaGraph*>(p)->graph);
  auto loop = std::make_unique<CudaGraph>(make_loop_graph(graphs, next), DeviceCounts{});
  loop->exec();
  return loop;
}

void CudaDevice::count_rounds(const DeviceGraph& piece, std::uint64_t times) {
  const DeviceCounts& counts = static_cast<const CudaGraph&>(piece).counts;
  counts_.launches += times * counts.launches;
  add_counts(counts_.to_device, counts.to_device, times);
  add_counts(counts_.to_host, counts.to_host, times);
  add_counts(counts_.on_device, counts.on_device, times);
}

}  // namespace gpu

std::shared_ptr<Device> make_cuda_device(const DeviceShare& share) {
  return std::make_shared<gpu::CudaDevice>(choose_device(share, gpu::device_count()));
}

}  // namespace tutti
