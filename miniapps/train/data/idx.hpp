// Images and labels in IDX files, the format of the MNIST data (LeCun, Cortes and Burges, "THE MNIST DATABASE
// of handwritten digits", section File formats): two zero bytes, the type (8: unsigned bytes), the number of
// dimensions, each extent as a big-endian 32-bit number, then the values, row-major. gzip files too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// An array of bytes. values.size() is the product of the extents, none of which is 0.
struct IdxArray {
  std::vector<std::int64_t> extents;
  std::vector<std::uint8_t> values;
};

/// Reads a whole file of `dimensions` (1 to 3). Throws Error(environment) for a file that cannot be read and
/// Error(usage) for one that is no such array: wrong magic number, type or dimensions, an extent of 0, fewer
/// or more values than the header says, damaged gzip data. Nothing is allocated that a file of this size
/// could not fill.
IdxArray read_idx(const std::string& path, std::int64_t dimensions);

/// Grey images with labels; some to learn from, others to validate with.
struct LabelledImages {
  struct Part {
    std::int64_t count = 0;
    std::vector<std::uint8_t> pixels;  ///< [count x height x width]
    std::vector<std::uint8_t> labels;  ///< [count], each < classes
  };
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t classes = 0;
  Part training;
  Part validation;
};

/// Reads train-images-idx3-ubyte and train-labels-idx1-ubyte of a folder, and t10k-images-idx3-ubyte and
/// t10k-labels-idx1-ubyte for validation; each may end in .gz, and may have a point in place of its last
/// hyphen, as some copies have. Without the t10k files the last tenth of the training images validates.
/// `classes` 0: one more than the greatest training label. Throws as read_idx does, and Error(usage) where
/// files do not fit together or a label is not below `classes`, each with the name of the file.
LabelledImages read_labelled_images(const std::string& folder, std::int64_t classes);
