#include "runtime/io/input_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.hpp"

namespace tutti {

InputFile::InputFile(const std::string& path)
    : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) environment_error("{}", std::strerror(errno));
  struct stat about {};
  const bool known = fstat(descriptor_, &about) == 0;
  if (!known || !S_ISREG(about.st_mode)) {
    const int reason = errno;
    close(descriptor_);
    if (!known) environment_error("{}", std::strerror(reason));
    usage_error("it is {}", S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
  }
  size_bytes_ = static_cast<std::uint64_t>(about.st_size);
}

InputFile::~InputFile() { close(descriptor_); }

std::size_t InputFile::read_at(std::uint64_t offset, std::span<char> into) const {
  std::size_t have = 0;
  while (have < into.size()) {
    const auto got =
        pread(descriptor_, into.data() + have, into.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) environment_error("{}", std::strerror(errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

}  // namespace tutti
