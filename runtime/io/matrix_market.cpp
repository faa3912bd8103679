#include "runtime/io/matrix_market.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <optional>
#include <utility>

#include "runtime/error.hpp"
#include "runtime/io/input_file.hpp"
#include "runtime/io/line_blocks.hpp"
#include "runtime/io/matrix_market_text.hpp"
#include "runtime/io/outcome.hpp"

namespace tutti {

using matrix_market::Format;
using matrix_market::Layout;
using matrix_market::Size;
using matrix_market::Tally;

namespace {

constexpr std::uint64_t smallest_share_bytes = std::uint64_t{1} << 16U;

/// What a rank tells the others about its block.
struct Report {
  Tally tally;
  std::uint64_t last = 0;  ///< no block of this rank follows
  Status status = Status::verified;
  std::string fault;  ///< what is wrong with the line after those counted; empty: nothing

  Bytes pack() const {
    const std::uint64_t numbers[] = {tally.lines, tally.entries, last, static_cast<std::uint64_t>(status)};
    Bytes bytes(sizeof numbers + fault.size());
    std::memcpy(bytes.data(), numbers, sizeof numbers);
    std::copy_n(reinterpret_cast<const std::byte*>(fault.data()), fault.size(),
                bytes.begin() + sizeof numbers);
    return bytes;
  }

  static Report unpack(const Bytes& bytes) {
    std::uint64_t numbers[4] = {};
    std::memcpy(numbers, bytes.data(), sizeof numbers);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    return {{numbers[0], numbers[1]},
            numbers[2],
            static_cast<Status>(numbers[3]),
            std::string(text + sizeof numbers, text + bytes.size())};
  }
};

}  // namespace

/// The rounds of a file: opening it, and the agreement after each round.
class MatrixMarketRounds {
 public:
  /// Reads a block's lines and counts them up to the first at fault, where it throws.
  using Parse = std::function<void(std::string_view lines, Tally& tally)>;

  MatrixMarketRounds(Transport& transport, std::string path, Layout layout, std::uint64_t block_bytes)
      : transport_(transport), path_(std::move(path)) {
    share_outcome(transport, [&] { open(layout, std::max<std::uint64_t>(block_bytes, 1)); });
  }

  const Format& format() const { return format_; }
  const Size& size() const { return size_; }
  /// Number of the first entry of this rank's block.
  std::uint64_t first_entry() const { return first_entry_; }

  /// Throws the Error of a line.
  [[noreturn]] void refuse(Status status, std::uint64_t line, std::string_view what) const {
    throw Error(status, fmt::format("cannot read '{}', line {}: {}", path_, line, what));
  }

  /// Runs `parse` on this rank's next block; false after the last round.
  bool next(const Parse& parse) {
    if (finished_) return false;
    const LineBlock block = blocks_->next();
    const Report mine = attempt(block, parse);
    bool finished = true;
    std::uint32_t rank = 0;
    const std::uint64_t declared = static_cast<std::uint64_t>(size_.entries);
    for (const Bytes& bytes : transport_.gather_all(mine.pack())) {  // in the order of the file
      const Report report = Report::unpack(bytes);
      if (rank == transport_.rank().value) first_entry_ = entries_;
      if (entries_ + report.tally.entries > declared) refuse_surplus(RankId(rank), block.lines);
      lines_ += report.tally.lines;
      entries_ += report.tally.entries;
      if (!report.fault.empty()) refuse(report.status, lines_ + 1, report.fault);
      finished = finished && report.last != 0;
      ++rank;
    }
    finished_ = finished;
    if (finished && entries_ < declared) {
      refuse(Status::usage, lines_,
             fmt::format("the file ends here with {} of the {} entries it declares", entries_, declared));
    }
    return true;
  }

 private:
  void open(Layout layout, std::size_t block_bytes) {
    try {
      file_.emplace(path_);
    } catch (const Error& error) {
      throw Error(error.status(), fmt::format("cannot read '{}': {}", path_, error.what()));
    }
    try {
      open_stream(block_bytes);
      read_header(layout);
    } catch (const Error& error) {
      refuse(error.status(), lines_ + 1, error.what());
    }
    const std::uint32_t ranks = transport_.ranks();
    if (gzip_) {
      blocks_ = deal_stream(*stream_, transport_.rank(), ranks);
      return;
    }
    const std::uint64_t begin = std::min(stream_->position(), file_->size_bytes());
    stream_.reset();
    // a file that is too small for `block_bytes` per rank still goes to all of them
    const std::uint64_t share = std::max(smallest_share_bytes, (file_->size_bytes() - begin) / ranks + 1);
    blocks_ = deal_file(*file_, begin, std::min<std::uint64_t>(block_bytes, share), transport_.rank(), ranks);
  }

  void open_stream(std::size_t block_bytes) {
    if (GzipText::recognise(*file_)) {
      gzip_ = std::make_unique<GzipText>(*file_);
      stream_.emplace([this](std::span<char> into) { return gzip_->read(into); }, block_bytes);
      return;
    }
    const auto read_on = [this, offset = std::uint64_t{0}](std::span<char> into) mutable {
      const std::size_t got = file_->read_at(offset, into);
      offset += got;
      return got;
    };
    stream_.emplace(read_on, std::min<std::size_t>(block_bytes, smallest_share_bytes));  // for the header
  }

  void read_header(Layout layout) {
    const auto next_line = [this] {
      const auto line = stream_->line();
      if (!line) usage_error("the file ends before the line with the size");
      return *line;
    };
    if (file_->size_bytes() == 0) usage_error("the file is empty");
    format_ = matrix_market::parse_banner(next_line(), layout);
    std::string_view line;
    do {
      ++lines_;
      line = next_line();
    } while (matrix_market::is_filler(line));
    size_ = matrix_market::parse_size(line, format_);
    const std::uint64_t ratio = gzip_ ? GzipText::largest_ratio : 1;
    const std::uint64_t most =
        (file_->size_bytes() * ratio + 1) / matrix_market::shortest_entry_bytes(format_);
    if (static_cast<std::uint64_t>(size_.entries) > most) {
      usage_error("{} entries are declared, but a file of {} bytes cannot have more than {}", size_.entries,
                  file_->size_bytes(), most);
    }
    ++lines_;
  }

  static Report attempt(const LineBlock& block, const Parse& parse) {
    Report report;
    report.last = block.last ? 1 : 0;
    const auto blame = [&report](Status status, const char* what) {
      report.status = status;
      report.fault = what;
    };
    try {
      parse(block.lines, report.tally);
      if (block.failure) blame(block.failure->status(), block.failure->what());
    } catch (const Error& error) {
      blame(error.status(), error.what());
    } catch (const std::bad_alloc&) {
      blame(Status::environment, "out of memory");
    }
    return report;
  }

  /// `rank` has the first entry beyond those declared; `lines` are this rank's.
  [[noreturn]] void refuse_surplus(RankId rank, std::string_view lines) {
    const std::uint64_t declared = static_cast<std::uint64_t>(size_.entries);
    std::uint64_t line = 0;
    if (rank == transport_.rank()) line = matrix_market::line_of_entry(lines, declared - entries_);
    line = lines_ + transport_.max(line) + 1;
    refuse(Status::usage, line, fmt::format("more entries than the {} that the file declares", declared));
  }

  Transport& transport_;
  std::string path_;
  Format format_;
  Size size_;
  std::optional<InputFile> file_;
  std::unique_ptr<GzipText> gzip_;
  std::optional<LineStream> stream_;
  std::unique_ptr<LineBlocks> blocks_;
  std::uint64_t lines_ = 0;    ///< before this round
  std::uint64_t entries_ = 0;  ///< before this round
  std::uint64_t first_entry_ = 0;
  bool finished_ = false;
};

MatrixMarketReader::MatrixMarketReader(Transport& transport, const std::string& path,
                                       std::uint64_t block_bytes)
    : rounds_(std::make_unique<MatrixMarketRounds>(transport, path, Layout::coordinate, block_bytes)) {
  const Size& size = rounds_->size();
  const Format& format = rounds_->format();
  header_ = {size.rows, size.columns, size.entries, format.symmetry,
             format.values == matrix_market::ValueKind::pattern};
}

MatrixMarketReader::~MatrixMarketReader() = default;

bool MatrixMarketReader::next(std::vector<Triplet>& triplets) {
  triplets.clear();
  return rounds_->next([&](std::string_view lines, Tally& tally) {
    matrix_market::parse_entries(lines, rounds_->format(), rounds_->size(), triplets, tally);
  });
}

MatrixMarketVectorReader::MatrixMarketVectorReader(Transport& transport, const std::string& path,
                                                   std::int64_t rows, std::uint64_t block_bytes)
    : rounds_(std::make_unique<MatrixMarketRounds>(transport, path, Layout::array, block_bytes)) {
  if (rounds_->size().rows != rows)
    usage_error("cannot use '{}': the vector has {} rows; {} are needed", path, rounds_->size().rows, rows);
}

MatrixMarketVectorReader::~MatrixMarketVectorReader() = default;

bool MatrixMarketVectorReader::next(std::int64_t& first, std::vector<double>& values) {
  values.clear();
  const bool more = rounds_->next([&](std::string_view lines, Tally& tally) {
    matrix_market::parse_values(lines, rounds_->format(), values, tally);
  });
  first = static_cast<std::int64_t>(rounds_->first_entry());
  return more;
}

}  // namespace tutti
