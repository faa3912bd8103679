#include "runtime/device/device_bandwidth.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace tutti {
namespace {

constexpr int copies = 4;
constexpr std::uint64_t least_bytes = std::uint64_t{1} << 24, most_bytes = std::uint64_t{1} << 30;
constexpr double least_s = 1e-3;  // shorter ones fit into a cache, or their launches count

/// Two arrays on a device, and how long copying one to the other takes.
class Copies {
 public:
  Copies(Device& device, StreamId stream, std::uint64_t bytes) : device_(device), stream_(stream) {
    copy_.row_bytes = bytes;
    from_ = device.allocate(bytes, "a measured copy");
    copy_.from = from_;
    copy_.to = device.allocate(bytes, "a measured copy");
  }
  ~Copies() {
    device_.free(from_);
    device_.free(copy_.to);
  }
  Copies(const Copies&) = delete;
  Copies& operator=(const Copies&) = delete;
  double seconds() {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < copies; ++i) device_.copy(copy_, Direction::on_device, stream_);
    device_.synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

 private:
  Device& device_;
  StreamId stream_;
  std::byte* from_;
  StridedCopy copy_;
};

}  // namespace

double all_device_copy_bytes_per_s(Transport& transport, Device& device) {
  const DeviceMemory memory = device.memory();
  const StreamId stream = device.make_stream();
  const std::uint64_t most = std::min(most_bytes, (memory.capacity_bytes - memory.used_bytes) / 4);
  std::uint64_t bytes = std::min(least_bytes, most);
  for (; 2 * bytes <= most; bytes *= 2) {
    Copies trial(device, stream, bytes);
    trial.seconds();
    if (trial.seconds() >= least_s) break;
  }
  Copies measured(device, stream, bytes);
  measured.seconds();
  transport.barrier();
  std::array<double, 5> times_s{};
  for (double& t : times_s) t = measured.seconds();
  std::nth_element(times_s.begin(), times_s.begin() + 2, times_s.end());
  const double mine = 2.0 * copies * static_cast<double>(bytes) / times_s[2];
  return static_cast<double>(transport.sum(static_cast<std::uint64_t>(mine)));
}

}  // namespace tutti
