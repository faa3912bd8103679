// Any files as one text of bytes, to learn from and to validate with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// A file's bytes, mapped into memory: pages are read when they are touched and shared by the ranks of a
/// node. The file must not shrink meanwhile.
class MappedFile {
 public:
  /// Throws Error(environment) or Error(usage) with the path.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// The last tenth of every file validates, the rest is learned from. One file is used where it is mapped; of
/// several, the parts are put together in memory.
class ByteFiles {
 public:
  /// `paths`: files as they are, and folders with all files below them, in the order of their names, without
  /// hidden ones, links, and those that are not text (a zero byte among the first 4096). Throws
  /// Error(environment) for what cannot be read, and Error(usage) if either part has fewer than `least`
  /// bytes.
  ByteFiles(const std::vector<std::string>& paths, std::size_t least);

  [[nodiscard]] std::span<const std::uint8_t> training() const { return training_; }
  [[nodiscard]] std::span<const std::uint8_t> validation() const { return validation_; }
  [[nodiscard]] std::size_t file_count() const { return file_count_; }

 private:
  std::size_t file_count_ = 0;
  std::unique_ptr<MappedFile> mapped_;  ///< one file
  std::vector<std::uint8_t> together_;  ///< several
  std::span<const std::uint8_t> training_;
  std::span<const std::uint8_t> validation_;
};
