// The memory of the simulated device: what the host calls it is no address that can be used.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/error.hpp"

namespace tutti {

/// What the host has at an address of the device: nothing that it may touch, the device's bytes, or others.
enum class HostView : std::uint8_t { unaware, aware, wrong };

/// One range of memory with two addresses: `here` is what the host and all launches call it, and nothing may
/// be read or written there but with another view than unaware; `there` is for the device's thread.
class SplitMemory {
 public:
  SplitMemory(std::uint64_t bytes, HostView view) : bytes_(bytes) {
    const int file = memfd_create("tutti simulated device", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) fail();
    there_ = map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file);
    const int protection = view == HostView::unaware ? PROT_NONE : PROT_READ | PROT_WRITE;
    const bool same = view == HostView::aware;
    here_ =
        map(protection, (same ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | MAP_NORESERVE, same ? file : -1);
    close(file);
  }
  ~SplitMemory() {
    munmap(here_, bytes_);
    munmap(there_, bytes_);
  }
  SplitMemory(const SplitMemory&) = delete;
  SplitMemory& operator=(const SplitMemory&) = delete;

  std::byte* here(std::uint64_t offset) const { return here_ + offset; }
  std::byte* there(std::uint64_t offset) const { return there_ + offset; }
  bool contains(const void* address) const {
    const auto* p = static_cast<const std::byte*>(address);
    return !std::less<>{}(p, here_) && std::less<>{}(p, here_ + bytes_);
  }
  std::uint64_t offset(const void* address) const {
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(address) - here_);
  }

 private:
  [[noreturn]] static void fail() {
    environment_error("the simulated device cannot have its memory: {}", std::strerror(errno));
  }
  std::byte* map(int protection, int flags, int file) const {
    void* p = mmap(nullptr, bytes_, protection, flags, file, 0);
    if (p == MAP_FAILED) fail();
    return static_cast<std::byte*>(p);
  }
  std::uint64_t bytes_;
  std::byte* there_ = nullptr;
  std::byte* here_ = nullptr;
};

}  // namespace tutti
