#include "miniapps/train/data/idx.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "runtime/error.hpp"
#include "runtime/io/input_file.hpp"

using namespace tutti;

namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20U;

/// A file's content from its start to its end, unpacked where it is a gzip file.
class Content {
 public:
  explicit Content(const std::string& path) : file_(path) {
    if (GzipText::recognise(file_)) unpacked_ = std::make_unique<GzipText>(file_);
  }
  /// Reads until `into` is full or the content ends; returns the number of bytes.
  std::size_t read(std::span<char> into) {
    std::size_t have = 0;
    while (have < into.size()) {
      const auto rest = into.subspan(have);
      const std::size_t got = unpacked_ ? unpacked_->read(rest) : file_.read_at(offset_, rest);
      if (got == 0) break;
      have += got;
      offset_ += got;
    }
    return have;
  }
  [[nodiscard]] std::uint64_t size_bytes() const { return file_.size_bytes(); }
  /// The most bytes that there can be.
  [[nodiscard]] std::uint64_t bound_bytes() const {
    return file_.size_bytes() * (unpacked_ ? GzipText::largest_ratio : 1);
  }

 private:
  InputFile file_;
  std::unique_ptr<GzipText> unpacked_;
  std::uint64_t offset_ = 0;
};

std::vector<std::int64_t> read_header(Content& content, std::int64_t dimensions) {
  std::array<unsigned char, 4> word{};
  const auto read_word = [&] {
    if (content.read({reinterpret_cast<char*>(word.data()), word.size()}) != word.size())
      usage_error("the file ends inside its header");
  };
  read_word();
  if (word[0] != 0 || word[1] != 0) usage_error("it is no IDX file (they start with two zero bytes)");
  if (word[2] != 8)
    usage_error("its values are of IDX type {}, only unsigned bytes (8) can be used", word[2]);
  if (word[3] != dimensions) usage_error("it has {} dimensions, {} are needed", word[3], dimensions);
  std::vector<std::int64_t> extents;
  for (std::int64_t d = 0; d < dimensions; ++d) {
    read_word();
    extents.push_back(std::int64_t{word[0]} << 24 | word[1] << 16 | word[2] << 8 | word[3]);
    if (extents.back() == 0) usage_error("dimension {} has extent 0", d);
  }
  return extents;
}

/// The product, or one more than `bound` if it is greater.
std::uint64_t product(const std::vector<std::int64_t>& extents, std::uint64_t bound) {
  std::uint64_t values = 1;
  for (const std::int64_t extent : extents) {
    if (values > bound / static_cast<std::uint64_t>(extent)) return bound + 1;
    values *= static_cast<std::uint64_t>(extent);
  }
  return values;
}

IdxArray read_array(const std::string& path, std::int64_t dimensions) {
  Content content(path);
  IdxArray array;
  array.extents = read_header(content, dimensions);
  const std::uint64_t bound = content.bound_bytes();
  const std::uint64_t values = product(array.extents, bound);
  if (values > bound)
    usage_error("its header announces more values than a file of {} bytes can have", content.size_bytes());
  while (array.values.size() < values) {  // pieces: a small gzip file may announce a thousand times its size
    const std::size_t before = array.values.size();
    const std::size_t piece = std::min<std::uint64_t>(std::max(piece_bytes, before), values - before);
    array.values.resize(before + piece);
    const std::size_t got = content.read({reinterpret_cast<char*>(array.values.data() + before), piece});
    if (got < piece)
      usage_error("it ends after {} of the {} values that its header announces", before + got, values);
  }
  char more = 0;
  if (content.read({&more, 1}) != 0)
    usage_error("it goes on after the {} values that its header announces", values);
  return array;
}

/// The file of this name as it is found in the folder.
std::optional<std::string> find(const std::string& folder, const std::string& name) {
  std::string other = name;
  other[name.rfind("-idx")] = '.';
  for (const std::string& stem : {name, other})
    for (const char* ending : {"", ".gz"}) {
      std::string path = (std::filesystem::path(folder) / (stem + ending)).string();
      std::error_code ignored;
      if (std::filesystem::exists(path, ignored)) return path;
    }
  return std::nullopt;
}

std::string need(const std::string& folder, const std::string& name) {
  const auto path = find(folder, name);
  if (!path) environment_error("cannot read '{}': there is no {} and no {}.gz in it", folder, name, name);
  return *path;
}

struct Images {
  std::int64_t height;
  std::int64_t width;
  LabelledImages::Part part;
};

Images read_part(const std::string& images_path, const std::string& labels_path) {
  IdxArray images = read_idx(images_path, 3);
  IdxArray labels = read_idx(labels_path, 1);
  if (images.extents[0] != labels.extents[0])
    usage_error("'{}' has {} images, but '{}' has {} labels", images_path, images.extents[0], labels_path,
                labels.extents[0]);
  return {images.extents[1],
          images.extents[2],
          {images.extents[0], std::move(images.values), std::move(labels.values)}};
}

void check_labels(const std::string& path, const std::vector<std::uint8_t>& labels, std::int64_t classes) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= classes)
      usage_error("cannot use '{}': label {} is {}, but there are {} classes (0 to {})", path, i, labels[i],
                  classes, classes - 1);
}

/// Moves the last tenth of `from` to another part.
LabelledImages::Part split_off(LabelledImages::Part& from, std::int64_t values) {
  LabelledImages::Part last;
  last.count = std::max<std::int64_t>(1, from.count / 10);
  from.count -= last.count;
  last.pixels.assign(from.pixels.begin() + from.count * values, from.pixels.end());
  last.labels.assign(from.labels.begin() + from.count, from.labels.end());
  from.pixels.resize(static_cast<std::size_t>(from.count * values));
  from.labels.resize(static_cast<std::size_t>(from.count));
  return last;
}

}  // namespace

IdxArray read_idx(const std::string& path, std::int64_t dimensions) {
  try {
    return read_array(path, dimensions);
  } catch (const Error& error) {
    throw Error(error.status(), fmt::format("cannot read '{}': {}", path, error.what()));
  }
}

LabelledImages read_labelled_images(const std::string& folder, std::int64_t classes) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    environment_error("cannot read '{}': it is no folder; one with the four files of MNIST is needed",
                      folder);
  const std::string labels_path = need(folder, "train-labels-idx1-ubyte");
  Images training = read_part(need(folder, "train-images-idx3-ubyte"), labels_path);
  LabelledImages result;
  result.height = training.height;
  result.width = training.width;
  result.classes =
      classes > 0 ? classes : *std::max_element(training.part.labels.begin(), training.part.labels.end()) + 1;
  result.training = std::move(training.part);
  check_labels(labels_path, result.training.labels, result.classes);
  if (const auto images_path = find(folder, "t10k-images-idx3-ubyte")) {
    const std::string validation_labels = need(folder, "t10k-labels-idx1-ubyte");
    Images validation = read_part(*images_path, validation_labels);
    if (validation.height != result.height || validation.width != result.width)
      usage_error("cannot use '{}': its images are {} x {}, those to learn from are {} x {}", *images_path,
                  validation.height, validation.width, result.height, result.width);
    result.validation = std::move(validation.part);
    check_labels(validation_labels, result.validation.labels, result.classes);
  } else if (result.training.count < 2) {
    usage_error("cannot use '{}': one image is too few to learn from and to validate with", folder);
  } else {
    result.validation = split_off(result.training, result.height * result.width);
  }
  return result;
}
