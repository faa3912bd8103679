// The copy of a store on a device: the same arrays, ghosts and gaps included, at other addresses.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/data/store.hpp"
#include "runtime/device/device.hpp"

namespace tutti {

/// A rank's device, the streams that all its graphs use, and whether device addresses go to the transport.
struct DeviceContext {
  explicit DeviceContext(std::shared_ptr<Device> device_)
      : device(std::move(device_)), compute(device->make_stream()), transfer(device->make_stream()) {}
  std::shared_ptr<Device> device;
  StreamId compute;
  StreamId transfer;
  bool direct_messages = false;
};

/// Device memory that frees itself.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const std::shared_ptr<Device>& device, std::uint64_t bytes, const std::string& what)
      : DeviceBuffer(device, device->allocate(bytes, what)) {}
  static DeviceBuffer for_messages(const std::shared_ptr<Device>& device, std::uint64_t bytes,
                                   const std::string& what) {
    return {device, device->allocate_for_messages(bytes, what)};
  }
  ~DeviceBuffer() {
    if (data_) device_->free(data_);
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : device_(std::move(other.device_)), data_(std::exchange(other.data_, nullptr)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    return *this;
  }
  std::byte* data() const { return data_; }

 private:
  DeviceBuffer(std::shared_ptr<Device> device, std::byte* data) : device_(std::move(device)), data_(data) {}
  std::shared_ptr<Device> device_;
  std::byte* data_ = nullptr;
};

/// Cells to cells of the same extents.
StridedCopy copy_of(const Argument& from, const Argument& to, std::uint32_t element_bytes);
/// The device's part of a piece of cells: to and from contiguous memory on the device.
void pack_on_device(Device& device, StreamId stream, const Piece& cells, const std::uint32_t* positions,
                    std::byte* to);
void unpack_on_device(Device& device, StreamId stream, const std::byte* from, const Piece& cells);

class DeviceStore : public StoreImage {
 public:
  DeviceStore(std::shared_ptr<DeviceContext> context, const Store& store)
      : context_(std::move(context)), store_(store) {}

  const Store& host() const { return store_; }

  /// Where values are valid now, between runs.
  bool valid_on_host = true;
  bool valid_on_device = false;
  /// Ghosts beyond the boundary never change: they were copied once.
  bool has_boundary = false;

  /// The device's address of something in the host's memory of this store, allocated by the first call.
  std::byte* address(const void* host);
  /// Of a tile object; the first call copies all objects of the store, with their arrays.
  std::byte* object(const void* host, const Parameter& parameter, std::size_t count);

  /// Puts the copies on the stream.
  void upload(StreamId stream) { copy_all(Direction::to_device, stream); }
  void download(StreamId stream) { copy_all(Direction::to_host, stream); }

  void fetch() override;
  void read(const Piece& cells, std::byte* to) override;
  void write(const std::byte* from, const Piece& cells) override;
  void host_changed() override {
    valid_on_host = true;
    valid_on_device = false;
  }

 private:
  struct Part {
    std::uint64_t bytes = 0;
    DeviceBuffer memory;
  };
  void copy_all(Direction direction, StreamId stream);
  Piece translated(Piece cells) {
    cells.cells.data = address(cells.cells.data);
    return cells;
  }

  std::shared_ptr<DeviceContext> context_;
  const Store& store_;
  std::map<const std::byte*, Part> parts_;  // by the host's address
  std::vector<DeviceBuffer> arrays_;        // of tile objects
};

/// That of a store; made by the first call.
DeviceStore& device_store(const std::shared_ptr<DeviceContext>& context, Store& store);

}  // namespace tutti
