#include "runtime/comm/shared_memory.hpp"

#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tutti {
namespace {

constexpr std::uint64_t front_bytes = 64;  // holds the token
constexpr const char* memory_name = "tutti";

// What this process has mapped, by token. The thread sanitizer, for one, follows accesses by address, so
// ranks that are threads of one process had better use the same.
std::mutex known_lock;
std::map<std::uint64_t, std::weak_ptr<SharedMemory>> known;

std::uint64_t random_token() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) | 1;
}

// Opening a file of another process can have side effects if it is not what we think it is.
bool is_ours(const std::string& path) {
  std::array<char, 64> target{};
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length))
                           .starts_with(fmt::format("/memfd:{}", memory_name));
}

}  // namespace

std::shared_ptr<SharedMemory> SharedMemory::create(std::uint64_t bytes) {
  std::shared_ptr<SharedMemory> memory(new SharedMemory);
  memory->file_ = memfd_create(memory_name, MFD_CLOEXEC);
  if (memory->file_ < 0) return nullptr;
  memory->handle_ = {random_token(), bytes + front_bytes, getpid(), memory->file_};
  // with its pages: too little memory shows here and not when a message is written
  if (posix_fallocate(memory->file_, 0, static_cast<off_t>(memory->handle_.bytes)) != 0) return nullptr;
  if (!memory->map(memory->file_)) return nullptr;
  std::memcpy(memory->mapping_, &memory->handle_.token, sizeof memory->handle_.token);
  const std::lock_guard lock(known_lock);
  known[memory->handle_.token] = memory;
  return memory;
}

std::shared_ptr<SharedMemory> SharedMemory::find(const MemoryHandle& handle) {
  {
    const std::lock_guard lock(known_lock);
    if (const auto found = known.find(handle.token); found != known.end()) return found->second.lock();
  }
  const std::string path = fmt::format("/proc/{}/fd/{}", handle.process, handle.file);
  if (!is_ours(path)) return nullptr;
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return nullptr;
  std::shared_ptr<SharedMemory> memory(new SharedMemory);
  memory->handle_ = handle;
  struct stat status {};
  const bool fits = fstat(file, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == handle.bytes;
  const bool mapped = fits && memory->map(file);
  close(file);
  if (!mapped || std::memcmp(memory->mapping_, &handle.token, sizeof handle.token) != 0) return nullptr;
  const std::lock_guard lock(known_lock);
  known[handle.token] = memory;
  return memory;
}

SharedMemory::~SharedMemory() {
  stop_sharing();
  if (mapping_) munmap(mapping_, handle_.bytes);
  const std::lock_guard lock(known_lock);
  if (const auto found = known.find(handle_.token); found != known.end() && found->second.expired())
    known.erase(found);
}

void SharedMemory::stop_sharing() {
  if (file_ >= 0) close(file_);
  file_ = -1;
}

std::byte* SharedMemory::data() const { return static_cast<std::byte*>(mapping_) + front_bytes; }

bool SharedMemory::map(int file) {
  void* at = mmap(nullptr, handle_.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (at == MAP_FAILED) return false;
  mapping_ = at;
  return true;
}

}  // namespace tutti
