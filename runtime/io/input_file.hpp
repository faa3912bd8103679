// Files that are read at any offset, and the text inside gzip files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tutti {

/// A regular file, open for reading.
class InputFile {
 public:
  /// Throws Error(environment) if the file cannot be opened, Error(usage) if it is a directory, a pipe or a
  /// device. Never waits for the writer of a pipe.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int descriptor() const { return descriptor_; }
  std::uint64_t size_bytes() const { return size_bytes_; }  ///< when it was opened
  /// Reads from `offset` on until `into` is full or the file ends; returns the number of bytes. Throws
  /// Error(environment).
  std::size_t read_at(std::uint64_t offset, std::span<char> into) const;

 private:
  int descriptor_;
  std::uint64_t size_bytes_ = 0;
};

/// What a gzip file of one or several members holds, from its start to its end.
class GzipText {
 public:
  /// deflate makes no data smaller than this.
  static constexpr std::uint64_t largest_ratio = 1032;

  static bool recognise(const InputFile& file);

  /// `file` must outlive it.
  explicit GzipText(const InputFile& file);
  ~GzipText();
  GzipText(const GzipText&) = delete;
  GzipText& operator=(const GzipText&) = delete;

  /// Reads on, into a part of `into` or all of it; returns the number of bytes, 0 at the end. Throws
  /// Error(usage) for data that is damaged or ends early, Error(environment) for a file that cannot be read.
  std::size_t read(std::span<char> into);

 private:
  struct Inflater;
  void refill();

  const InputFile& file_;
  std::uint64_t offset_ = 0;  ///< of the compressed bytes that come next
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace tutti
