#include "miniapps/train/npz.hpp"

#include <array>

#include "runtime/error.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/text.hpp"

namespace {

/// CRC-32 as zip and gzip have it (ISO 3309).
std::uint32_t crc32_of(const std::string& bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ ((t[i] & 1) != 0 ? 0xedb88320U : 0);
    }
    return t;
  }();
  std::uint32_t crc = ~0U;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 255] ^ (crc >> 8);
  return ~crc;
}

/// Appends a number of `bytes` bytes, lowest first.
void put(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 255);
}

/// Format version 1.0 (NumPy Enhancement Proposal 1): the header ends at a multiple of 64 bytes.
std::string npy(const NpzArray& array) {
  std::string shape = tutti::joined(array.shape, ", ");
  if (array.shape.size() == 1) shape += ",";
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape);
  constexpr std::size_t before = 10;
  header.append(63 - (before + header.size()) % 64, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  put(out, header.size(), 2);
  out += header;
  out.append(reinterpret_cast<const char*>(array.values.data()), array.values.size_bytes());
  return out;
}

}  // namespace

// The layout of zip archives: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16.
void write_npz(const std::string& path, const std::vector<NpzArray>& arrays) {
  std::string out, directory;
  for (const NpzArray& array : arrays) {
    const std::string name = array.name + ".npy", data = npy(array);
    const std::uint64_t at = out.size();
    if (at + data.size() + directory.size() > 0xf0000000U)
      tutti::usage_error("--export: the weights do not fit into an .npz file of 4 GiB; use --save");
    std::string common;  // from the version needed to the length of extra fields
    put(common, 20, 2);
    put(common, 0, 2);           // flags
    put(common, 0, 2);           // stored
    put(common, 0x00210000, 4);  // 1 January 1980: the file depends on its content alone
    put(common, crc32_of(data), 4);
    put(common, data.size(), 4);
    put(common, data.size(), 4);
    put(common, name.size(), 2);
    put(common, 0, 2);
    put(out, 0x04034b50, 4);
    out += common + name + data;
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);
    directory += common;
    for (int i = 0; i < 3; ++i) put(directory, 0, 2);  // comment, disk, internal attributes
    put(directory, 0, 4);                              // external attributes
    put(directory, at, 4);
    directory += name;
  }
  std::string end;
  put(end, 0x06054b50, 4);
  put(end, 0, 4);
  put(end, arrays.size(), 2);
  put(end, arrays.size(), 2);
  put(end, directory.size(), 4);
  put(end, out.size(), 4);
  put(end, 0, 2);
  tutti::write_text(path, out + directory + end);
}
