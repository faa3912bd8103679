#include "runtime/io/line_blocks.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tutti {

namespace {

constexpr std::size_t step_bytes = 4096;  // by which a file is read on for the end of a line

/// Length of the whole lines at the start of `text`.
std::size_t whole_lines(std::string_view text) {
  const std::size_t found = text.rfind('\n');
  return found == std::string_view::npos ? 0 : found + 1;
}

const Error& long_line() {
  static const Error error(Status::usage, fmt::format("the line has more than {} bytes", longest_line_bytes));
  return error;
}

class FileBlocks : public LineBlocks {
 public:
  FileBlocks(const InputFile& file, std::uint64_t begin, std::size_t block_bytes, RankId rank,
             std::uint32_t ranks)
      : file_(file),
        begin_(begin + rank.value * std::uint64_t{block_bytes}),
        block_bytes_(block_bytes),
        stride_bytes_(ranks * std::uint64_t{block_bytes}),
        buffer_(block_bytes + 1) {}

  LineBlock next() override {
    if (begin_ >= file_.size_bytes()) return {.lines = {}, .last = true, .failure = {}};
    const std::uint64_t begin = std::exchange(begin_, begin_ + stride_bytes_);
    LineBlock block;
    try {
      block = lines_that_start_in(begin, std::min(begin + block_bytes_, file_.size_bytes()));
    } catch (const Error& error) {
      block.failure = error;
    }
    block.last = begin_ >= file_.size_bytes();
    return block;
  }

 private:
  /// The lines with their first byte in [begin, end).
  LineBlock lines_that_start_in(std::uint64_t begin, std::uint64_t end) {
    const auto bytes = static_cast<std::size_t>(end - begin) + 1;
    read(begin - 1, 0, bytes);
    // A line starts behind a '\n'; the last byte starts none here.
    const auto* before = static_cast<const char*>(std::memchr(buffer_.data(), '\n', bytes - 1));
    if (before == nullptr) return {};
    const auto first = static_cast<std::size_t>(before - buffer_.data()) + 1;
    const std::size_t filled = complete_last_line(begin - 1, bytes);
    const std::string_view text(buffer_.data() + first, filled - first);
    LineBlock block;
    block.lines = text.substr(0, whole_lines(text));
    if (block.lines.size() < text.size()) block.failure = long_line();
    return block;
  }

  /// Reads on until the line ends, or is too long; returns how much the buffer then has.
  std::size_t complete_last_line(std::uint64_t offset, std::size_t filled) {
    const std::size_t most = filled + longest_line_bytes;
    std::size_t searched = filled - 1;
    for (;;) {
      const std::string_view fresh(buffer_.data() + searched, filled - searched);
      if (const std::size_t found = fresh.find('\n'); found != std::string_view::npos)
        return searched + found + 1;
      const std::size_t wanted = std::min(
          {std::uint64_t{step_bytes}, std::uint64_t{most - filled}, file_.size_bytes() - offset - filled});
      if (wanted == 0) break;
      read(offset + filled, filled, wanted);
      searched = std::exchange(filled, filled + wanted);
    }
    if (offset + filled == file_.size_bytes()) {
      reserve(filled + 1);
      buffer_[filled++] = '\n';
    }
    return filled;
  }

  void read(std::uint64_t offset, std::size_t at, std::size_t bytes) {
    reserve(at + bytes);
    if (file_.read_at(offset, std::span(buffer_).subspan(at, bytes)) < bytes)
      environment_error("it became shorter while it was read");
  }

  void reserve(std::size_t bytes) {
    if (buffer_.size() < bytes) buffer_.resize(bytes);
  }

  const InputFile& file_;
  std::uint64_t begin_;  ///< of the next block
  std::size_t block_bytes_;
  std::uint64_t stride_bytes_;
  std::vector<char> buffer_;
};

class StreamBlocks : public LineBlocks {
 public:
  StreamBlocks(LineStream& stream, RankId rank, std::uint32_t ranks)
      : stream_(stream), others_(rank.value), ranks_(ranks) {}

  LineBlock next() override {
    for (; others_ > 0 && !ended_; --others_) skip();
    others_ = ranks_ - 1;
    if (ended_) return {.lines = {}, .last = true, .failure = {}};
    LineBlock mine = stream_.next();
    ended_ = mine.last;
    return mine;
  }

 private:
  void skip() {  // what is wrong with it is for its rank to say
    const LineBlock block = stream_.next();
    ended_ = block.last || block.failure;
  }

  LineStream& stream_;
  std::uint32_t others_;  ///< blocks of other ranks before the next of this one
  std::uint32_t ranks_;
  bool ended_ = false;
};

}  // namespace

void refuse_long_line() { throw long_line(); }

LineStream::LineStream(Source source, std::size_t block_bytes)
    : source_(std::move(source)),
      block_bytes_(block_bytes),
      buffer_(std::max(block_bytes, longest_line_bytes + 1) + 1) {}

std::optional<std::string_view> LineStream::line() {
  while (block_.lines.empty() && !block_.last) {
    if (block_.failure) throw *block_.failure;
    block_ = refill();
  }
  if (block_.lines.empty()) {
    if (block_.failure) throw *block_.failure;
    return {};
  }
  const std::string_view line = block_.lines.substr(0, block_.lines.find('\n'));
  if (line.size() > longest_line_bytes) refuse_long_line();
  block_.lines.remove_prefix(line.size() + 1);
  position_ += line.size() + 1;
  return line;
}

LineBlock LineStream::next() {
  LineBlock block = block_.lines.empty() && !block_.last && !block_.failure ? refill() : block_;
  block_ = LineBlock{.lines = {}, .last = block.last, .failure = {}};
  position_ += block.lines.size();
  return block;
}

LineBlock LineStream::refill() {
  std::memmove(buffer_.data(), buffer_.data() + handed_out_, filled_ - handed_out_);
  filled_ -= std::exchange(handed_out_, 0);
  const std::size_t most = buffer_.size() - 1;  // the last byte is for a '\n'
  LineBlock block;
  for (std::size_t goal = std::min(block_bytes_, most);; goal = std::min(2 * goal, most)) {
    try {
      while (filled_ < goal && !ended_) {
        const std::size_t got = source_(std::span(buffer_).subspan(filled_, goal - filled_));
        filled_ += got;
        ended_ = got == 0;
      }
    } catch (const Error& error) {
      block.failure = error;
      ended_ = true;
    }
    if (ended_ && !block.failure && filled_ > 0 && buffer_[filled_ - 1] != '\n') buffer_[filled_++] = '\n';
    handed_out_ = whole_lines({buffer_.data(), filled_});
    if (handed_out_ > 0 || ended_) break;
    if (filled_ > longest_line_bytes) {
      block.failure = long_line();
      break;
    }
  }
  block.lines = {buffer_.data(), handed_out_};
  block.last = ended_;
  return block;
}

std::unique_ptr<LineBlocks> deal_file(const InputFile& file, std::uint64_t begin, std::size_t block_bytes,
                                      RankId rank, std::uint32_t ranks) {
  return std::make_unique<FileBlocks>(file, begin, block_bytes, rank, ranks);
}

std::unique_ptr<LineBlocks> deal_stream(LineStream& stream, RankId rank, std::uint32_t ranks) {
  return std::make_unique<StreamBlocks>(stream, rank, ranks);
}

}  // namespace tutti
