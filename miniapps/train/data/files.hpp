// Samples and texts from files, as train takes them.
#pragma once

#include "miniapps/train/samples.hpp"

/// A folder with the files of MNIST's format (data/idx.hpp has their names and the errors). Pixels are
/// shifted and scaled to mean 0 and deviation 1 over the training images. `classes` 0: as many as the labels
/// have.
std::unique_ptr<LabelledSamples> images_from_files(const std::string& folder, std::int64_t classes);

/// Files and folders as bytes (data/byte_files.hpp has the rules and the errors); at least `least` bytes in
/// each part.
std::unique_ptr<Text> text_from_files(const std::vector<std::string>& paths, std::int64_t least);
