// Writing fields as VTKHDF images.
#include <cstdio>

#include <fmt/format.h>

#include "runtime/error.hpp"
#include "runtime/io/field_file.hpp"
#include "runtime/io/hdf5_sharing.hpp"
#include "runtime/io/hdf5_transfer.hpp"
#include "runtime/io/hdf5_writer.hpp"
#include "runtime/io/outcome.hpp"

namespace tutti {

using namespace hdf5;

namespace {

/// A value per axis of VTK, x first; `other` where nothing is given.
std::vector<double> per_axis(std::vector<double> given, double other) {
  given.resize(3, other);
  return given;
}

struct ImageFile {
  Handle file;
  std::vector<Handle> datasets;
};

/// The file with all but the values of its fields.
ImageFile create_image(const std::string& path, hid_t access, const FileShape& shape,
                       const std::vector<NamedField>& fields, const ImageMetadata& metadata,
                       const nlohmann::json& provenance, bool is_root) {
  ImageFile image;
  Writer w;
  image.file = w.keep(Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose));
  const auto last = [&](int axis) { return static_cast<std::int64_t>(shape[axis]) - 1; };
  const Handle root = w.group(image.file, "VTKHDF");
  w.integers(root, "Version", {2, 0}, H5T_STD_I32LE);
  w.text(root, "Type", "ImageData");
  w.integers(root, "WholeExtent", {0, last(2), 0, last(1), 0, last(0)}, H5T_STD_I32LE);
  w.numbers(root, "Origin", per_axis(metadata.origin, 0));
  w.numbers(root, "Spacing", per_axis(metadata.spacing, 1));
  w.numbers(root, "Direction", {1, 0, 0, 0, 1, 0, 0, 0, 1});
  const Handle points = w.group(root, "PointData");
  for (const NamedField& f : fields) image.datasets.push_back(w.dataset(points, f.name.c_str(), shape));

  const Handle about = w.group(image.file, "tutti");
  w.integers(about, "step", {metadata.step}, H5T_STD_I64LE);
  w.numbers(about, "time", {metadata.time});
  write_provenance(w, about, provenance, is_root);
  if (w.failed()) environment_error("could not create '{}' as an HDF5 file", path);
  return image;
}

void write_unfinished(Transport& transport, const std::string& path, const std::vector<NamedField>& fields,
                      const ImageMetadata& metadata) {
  const GridLayout& layout = fields.front().field->grid().layout();
  const nlohmann::json provenance = provenance_of_root(transport, metadata.provenance);
  Mover mover(transport, layout, true);
  ImageFile image;
  share_outcome(transport, [&] {
    if (mover.opens_file())
      image = create_image(unfinished(path), mover.file_access(), shape_of(mover.axes(), layout.extents()),
                           fields, metadata, provenance, transport.rank() == RankId{0});
  });
  for (std::size_t i = 0; i < fields.size(); ++i)
    mover.write(mover.opens_file() ? static_cast<hid_t>(image.datasets[i]) : -1, fields[i].field->block(),
                fmt::format("'{}' in '{}'", fields[i].name, path));
  share_outcome(transport, [&] {
    image.datasets.clear();
    if (!image.file.close()) environment_error("could not complete '{}'", path);
  });
}

}  // namespace

std::string field_file_library() {
  return fmt::format("HDF5 {}.{}.{}, {}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE,
                     sharing_description());
}

void write_vtkhdf(Transport& transport, const std::string& path, const std::vector<NamedField>& fields,
                  const ImageMetadata& metadata) {
  if (fields.empty()) usage_error("no field to write to '{}'", path);
  for (const NamedField& f : fields)
    if (f.field->grid().layout().extents() != fields.front().field->grid().layout().extents())
      usage_error("cannot write '{}' and '{}' to one image: they have different grids", fields.front().name,
                  f.name);
  try {
    write_unfinished(transport, path, fields, metadata);
  } catch (const Error&) {
    if (transport.rank() == RankId{0}) std::remove(unfinished(path).c_str());
    throw;
  }
  on_root(transport, [&] { finish_file(path); });
}

}  // namespace tutti
