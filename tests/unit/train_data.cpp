// What train reads: IDX files and texts, good and bad.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include "miniapps/train/data/byte_files.hpp"
#include "miniapps/train/data/files.hpp"
#include "miniapps/train/data/idx.hpp"
#include "runtime/error.hpp"

using namespace tutti;
namespace files = std::filesystem;

namespace {

/// A folder that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string name = (files::temp_directory_path() / "tutti_data_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for temporary files");
    path_ = name;
  }
  ~Folder() { files::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string path() const { return path_.string(); }
  void write(const std::string& name, const std::string& content) const {
    files::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  void write_gzip(const std::string& name, const std::string& content) const {
    gzFile file = gzopen((path_ / name).c_str(), "wb");
    gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    gzclose(file);
  }

 private:
  files::path path_;
};

std::string word(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string idx(const std::vector<std::uint32_t>& extents, const std::string& values, int type = 8) {
  std::string content = {0, 0, static_cast<char>(type), static_cast<char>(extents.size())};
  for (const std::uint32_t extent : extents) content += word(extent);
  return content + values;
}

/// The message of the Error that `action` throws.
template <class Action>
std::string refused(Status status, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

void expect_has(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
}

std::string bytes_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST(Idx, ReadsPlainAndGzip) {
  const Folder folder;
  const std::string content = idx({2, 2, 3}, "abcdefABCDEF");
  folder.write("plain", content);
  folder.write_gzip("packed", content);
  for (const char* name : {"plain", "packed"}) {
    const IdxArray array = read_idx(folder / name, 3);
    EXPECT_EQ(array.extents, (std::vector<std::int64_t>{2, 2, 3}));
    EXPECT_EQ(bytes_of(array.values), "abcdefABCDEF");
  }
  const std::string large(3000000, 'x');
  folder.write_gzip("large", idx({3000000}, large));
  EXPECT_EQ(bytes_of(read_idx(folder / "large", 1).values), large);
}

TEST(Idx, RefusesBadFiles) {
  const Folder folder;
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"", "ends inside its header"},
      {idx({5}, "").substr(0, 6), "ends inside its header"},
      {idx({5}, "abcd"), "ends after 4 of the 5 values"},
      {idx({5, 1, 1}, "abcde"), "3 dimensions, 1 are needed"},
      {idx({5}, "abcde", 13), "type 13"},
      {idx({0}, ""), "extent 0"},
      {idx({5}, "abcdef"), "goes on after the 5 values"},
      {idx({0xffffffffU}, "abc"), "more values than a file of 11 bytes"},
      {"PK\3\4 no idx", "no IDX file"},
  };
  for (const auto& [content, message] : cases) {
    folder.write("bad", content);
    expect_has(refused(Status::usage, [&] { read_idx(folder / "bad", 1); }), {"cannot read", "bad", message});
  }
  folder.write("cube", idx({0xffffffffU, 0xffffffffU, 0xffffffffU}, "abc"));
  expect_has(refused(Status::usage, [&] { read_idx(folder / "cube", 3); }), {"more values than"});
  expect_has(refused(Status::environment, [&] { read_idx(folder / "missing", 1); }),
             {"missing", "No such file"});
  expect_has(refused(Status::usage, [&] { read_idx(folder.path(), 1); }), {"a directory"});
}

TEST(Idx, RefusesBadGzip) {
  const Folder folder;
  folder.write_gzip("few", idx({4000}, "abcd"));
  expect_has(refused(Status::usage, [&] { read_idx(folder / "few", 1); }),
             {"ends after 4 of the 4000 values"});
  folder.write_gzip("many", idx({0x7fffffffU}, "abcd"));
  expect_has(refused(Status::usage, [&] { read_idx(folder / "many", 1); }), {"more values than"});
  folder.write_gzip("whole", idx({4}, "abcd"));
  std::ifstream in(folder / "whole", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  folder.write("cut", whole.substr(0, whole.size() - 6));
  expect_has(refused(Status::usage, [&] { read_idx(folder / "cut", 1); }), {"gzip data ends early"});
  std::string damaged = whole;
  damaged[damaged.size() - 5] = static_cast<char>(damaged[damaged.size() - 5] ^ 1);  // its checksum
  folder.write("damaged", damaged);
  expect_has(refused(Status::usage, [&] { read_idx(folder / "damaged", 1); }), {"damaged"});
}

TEST(LabelledImages, ReadsAFolder) {
  const Folder folder;
  folder.write("train-images-idx3-ubyte", idx({3, 1, 2}, "abcdef"));
  folder.write_gzip("train-labels.idx1-ubyte.gz", idx({3}, {2, 0, 1}));
  LabelledImages images = read_labelled_images(folder.path(), 0);
  EXPECT_EQ(images.classes, 3);
  EXPECT_EQ(images.height, 1);
  EXPECT_EQ(images.width, 2);
  EXPECT_EQ(images.training.count, 2);  // the last one validates
  EXPECT_EQ(bytes_of(images.training.pixels), "abcd");
  EXPECT_EQ(bytes_of(images.validation.pixels), "ef");
  EXPECT_EQ(images.validation.labels, (std::vector<std::uint8_t>{1}));
  folder.write("t10k-images-idx3-ubyte", idx({1, 1, 2}, "xy"));
  folder.write("t10k-labels-idx1-ubyte", idx({1}, {2}));
  images = read_labelled_images(folder.path(), 10);
  EXPECT_EQ(images.classes, 10);
  EXPECT_EQ(images.training.count, 3);
  EXPECT_EQ(bytes_of(images.validation.pixels), "xy");
}

TEST(LabelledImages, RefusesWhatDoesNotFitTogether) {
  const Folder folder;
  const auto message = [&](Status status, std::int64_t classes = 0) {
    return refused(status, [&] { read_labelled_images(folder.path(), classes); });
  };
  expect_has(refused(Status::environment, [&] { read_labelled_images(folder / "none", 0); }),
             {"none", "no folder"});
  expect_has(message(Status::environment), {"train-labels-idx1-ubyte"});
  folder.write("train-labels-idx1-ubyte", idx({3}, {2, 0, 1}));
  expect_has(message(Status::environment), {"train-images-idx3-ubyte"});
  folder.write("train-images-idx3-ubyte", idx({2, 1, 2}, "abcd"));
  expect_has(message(Status::usage), {"2 images", "3 labels"});
  folder.write("train-images-idx3-ubyte", idx({3, 1, 2}, "abcdef"));
  expect_has(message(Status::usage, 2), {"train-labels", "label 0 is 2", "2 classes"});
  folder.write("t10k-images-idx3-ubyte", idx({1, 2, 1}, "xy"));
  expect_has(message(Status::environment), {"t10k-labels-idx1-ubyte"});
  folder.write("t10k-labels-idx1-ubyte", idx({1}, {3}));
  expect_has(message(Status::usage), {"t10k-images", "2 x 1", "1 x 2"});
  folder.write("t10k-images-idx3-ubyte", idx({1, 1, 2}, "xy"));
  expect_has(message(Status::usage), {"t10k-labels", "label 0 is 3", "3 classes"});
}

TEST(ByteFiles, OneFile) {
  const Folder folder;
  folder.write("text", std::string(90, 'a') + std::string(10, 'b'));
  const ByteFiles text({folder / "text"}, 10);
  EXPECT_EQ(bytes_of(text.training()), std::string(90, 'a'));
  EXPECT_EQ(bytes_of(text.validation()), std::string(10, 'b'));
}

TEST(ByteFiles, SeveralFilesAndFolders) {
  const Folder folder;
  folder.write("in/b", std::string(18, 'b') + "BB");
  folder.write("in/a/deep", std::string(9, 'a') + "A");
  folder.write("in/.hidden", std::string(50, 'h'));
  folder.write("in/.git/object", std::string(50, 'g'));
  folder.write("in/picture", std::string(50, '\0'));
  folder.write("in/empty", "");
  files::create_symlink(folder / "in/b", folder / "in/link");
  folder.write("single", std::string(27, '\0') + "SSS");
  const ByteFiles text({folder / "in", folder / "single"}, 1);
  EXPECT_EQ(bytes_of(text.training()), std::string(9, 'a') + std::string(18, 'b') + std::string(27, '\0'));
  EXPECT_EQ(bytes_of(text.validation()), "ABBSSS");
  EXPECT_EQ(text.file_count(), 4U);  // the empty one too
}

TEST(ByteFiles, RefusesWhatIsTooShort) {
  const Folder folder;
  folder.write("empty", "");
  folder.write("short", std::string(50, 'x'));
  files::create_directories(folder / "nothing");
  const auto message = [&](const char* name) {
    return refused(Status::usage, [&] { const ByteFiles text({folder / name}, 9); });
  };
  expect_has(message("empty"), {"empty", "no text"});
  expect_has(message("nothing"), {"nothing", "no text"});
  expect_has(message("short"), {"short", "45 bytes", "5 to validate", "9 are needed"});
  expect_has(refused(Status::environment, [&] { const ByteFiles text({folder / "missing"}, 1); }),
             {"missing", "No such file"});
  expect_has(refused(Status::environment,
                     [&] {
                       const ByteFiles text({folder / "short", folder / "gone"}, 1);
                     }),
             {"gone", "No such file"});
}

TEST(SamplesFromFiles, HaveMeanZeroAndDeviationOne) {
  const Folder folder;
  folder.write("train-images-idx3-ubyte", idx({4, 1, 2}, {0, 10, 20, 30, 40, 50, 60, 70}));
  folder.write("train-labels-idx1-ubyte", idx({4}, {0, 1, 0, 3}));
  folder.write("t10k-images-idx3-ubyte", idx({1, 1, 2}, {35, 35}));
  folder.write("t10k-labels-idx1-ubyte", idx({1}, {2}));
  const auto samples = images_from_files(folder.path(), 0);
  EXPECT_EQ(samples->training, 4);
  EXPECT_EQ(samples->validation, 1);
  EXPECT_EQ(samples->classes, 4);
  EXPECT_EQ(samples->label(3), 3);
  EXPECT_EQ(samples->label(4), 2);
  float values[2];
  double sum = 0, squares = 0;
  for (std::int64_t s = 0; s < 4; ++s) {
    samples->get(s, values);
    for (const float v : values) {
      sum += v;
      squares += v * v;
    }
  }
  EXPECT_NEAR(sum, 0, 1e-6);
  EXPECT_NEAR(squares / 8, 1, 1e-6);
  samples->get(4, values);
  EXPECT_EQ(values[0], 0.0F);  // the mean
}

TEST(SamplesFromFiles, TextsSayWhatTheyAre) {
  const Folder folder;
  folder.write("text", std::string(100, 'a'));
  const auto text = text_from_files({folder / "text"}, 8);
  EXPECT_EQ(text->training.size(), 90U);
  expect_has(text->description, {"text: 90 + 10 bytes of 1 file"});
}
