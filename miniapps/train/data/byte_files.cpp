#include "miniapps/train/data/byte_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <sys/mman.h>

#include "runtime/error.hpp"
#include "runtime/io/input_file.hpp"

using namespace tutti;
namespace files = std::filesystem;

namespace {

std::span<const std::uint8_t> map(const std::string& path) {
  const InputFile file(path);
  const auto size = static_cast<std::size_t>(file.size_bytes());
  if (size == 0) return {};
  void* const memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (memory == MAP_FAILED) environment_error("{}", std::strerror(errno));
  return {static_cast<const std::uint8_t*>(memory), size};
}

std::size_t validation_bytes(std::size_t size) { return size / 10; }

bool is_text(const MappedFile& file) {
  const auto start = file.bytes().first(std::min<std::size_t>(file.bytes().size(), 4096));
  return std::find(start.begin(), start.end(), 0) == start.end();
}

/// Regular files below a folder, in the order of their names.
std::vector<std::string> below(const std::string& folder) {
  std::vector<std::string> found;
  try {
    for (auto at = files::recursive_directory_iterator(folder); at != files::recursive_directory_iterator();
         ++at) {
      const bool hidden = at->path().filename().string().starts_with('.');
      if (hidden || at->is_symlink()) {
        if (at->is_directory()) at.disable_recursion_pending();
      } else if (at->is_regular_file()) {
        found.push_back(at->path().string());
      }
    }
  } catch (const files::filesystem_error& error) {
    environment_error("cannot read '{}': {}", error.path1().string(), error.code().message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  try {
    bytes_ = map(path);
  } catch (const Error& error) {
    throw Error(error.status(), fmt::format("cannot read '{}': {}", path, error.what()));
  }
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

ByteFiles::ByteFiles(const std::vector<std::string>& paths, std::size_t least) {
  std::error_code ignored;
  if (paths.size() == 1 && !files::is_directory(paths.front(), ignored)) {
    mapped_ = std::make_unique<MappedFile>(paths.front());
    file_count_ = 1;
    const std::size_t last = validation_bytes(mapped_->bytes().size());
    training_ = mapped_->bytes().first(mapped_->bytes().size() - last);
    validation_ = mapped_->bytes().last(last);
  } else {
    std::vector<std::uint8_t> ends;
    const auto take = [&](const MappedFile& file) {
      const auto bytes = file.bytes();
      const auto split = bytes.end() - static_cast<std::ptrdiff_t>(validation_bytes(bytes.size()));
      together_.insert(together_.end(), bytes.begin(), split);
      ends.insert(ends.end(), split, bytes.end());
      ++file_count_;
    };
    for (const std::string& path : paths) {
      if (!files::is_directory(path, ignored)) {
        take(MappedFile(path));
        continue;
      }
      for (const std::string& inside : below(path)) {
        const MappedFile file(inside);
        if (is_text(file)) take(file);
      }
    }
    const std::size_t split = together_.size();
    together_.insert(together_.end(), ends.begin(), ends.end());
    training_ = std::span<const std::uint8_t>(together_).first(split);
    validation_ = std::span<const std::uint8_t>(together_).subspan(split);
  }
  if (std::min(training_.size(), validation_.size()) >= least) return;
  const std::string what = paths.size() == 1 ? fmt::format("'{}'", paths.front()) : "these files";
  if (training_.empty()) usage_error("cannot learn from {}: there is no text in it", what);
  usage_error(
      "cannot learn from {}: there are {} bytes to learn from and {} to validate with (the last tenth), {} "
      "are needed in each; use more text or a smaller context",
      what, training_.size(), validation_.size(), least);
}
