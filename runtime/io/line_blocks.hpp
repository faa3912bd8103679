// Text files as blocks of whole lines, dealt to ranks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/data/ids.hpp"
#include "runtime/error.hpp"
#include "runtime/io/input_file.hpp"

namespace tutti {

/// The longest line that is read, without its '\n'.
inline constexpr std::size_t longest_line_bytes = 65536;

[[noreturn]] void refuse_long_line();

struct LineBlock {
  std::string_view lines;        ///< whole ones, each with its '\n'; valid until the next block is asked for
  bool last = false;             ///< nothing follows
  std::optional<Error> failure;  ///< what is wrong with the line after `lines`, or why it could not be read
};

/// The lines of a stream of text, in order. The last needs no '\n'.
class LineStream {
 public:
  /// Fills a part of a span or all of it, returns the number of bytes, 0 at the end; may throw Error.
  using Source = std::function<std::size_t(std::span<char>)>;

  /// Blocks have about `block_bytes`, more where a line is longer.
  LineStream(Source source, std::size_t block_bytes);

  /// The next line without its '\n'. Nothing at the end. Throws Error in place of a line that cannot be had.
  std::optional<std::string_view> line();
  /// The next block; starts at the line that is next.
  LineBlock next();
  /// Bytes that line() and next() have handed out.
  std::uint64_t position() const { return position_; }

 private:
  LineBlock refill();

  Source source_;
  std::size_t block_bytes_;
  std::vector<char> buffer_;
  std::size_t handed_out_ = 0;  ///< bytes of the buffer that went into the block before
  std::size_t filled_ = 0;
  bool ended_ = false;  ///< the source has no more
  LineBlock block_;     ///< what line() has left of it
  std::uint64_t position_ = 0;
};

/// One rank's blocks of a file: of blocks 0, 1, 2, ... it has number `rank`, `rank + ranks`, ...
class LineBlocks {
 public:
  virtual ~LineBlocks() = default;
  virtual LineBlock next() = 0;
};

/// The blocks of a plain file from byte `begin` >= 1 on, where a line starts. Block b has the lines that
/// start in the b-th `block_bytes` bytes. `file` must outlive it.
std::unique_ptr<LineBlocks> deal_file(const InputFile& file, std::uint64_t begin, std::size_t block_bytes,
                                      RankId rank, std::uint32_t ranks);

/// The blocks of a stream that every rank has for itself. `stream` must outlive it.
std::unique_ptr<LineBlocks> deal_stream(LineStream& stream, RankId rank, std::uint32_t ranks);

}  // namespace tutti
