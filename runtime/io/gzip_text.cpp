#include <algorithm>
#include <array>
#include <vector>

#include <zlib.h>

#include "runtime/error.hpp"
#include "runtime/io/input_file.hpp"

namespace tutti {

namespace {

constexpr std::size_t compressed_bytes = std::size_t{1} << 16U;
constexpr int gzip_only = MAX_WBITS + 16;

}  // namespace

struct GzipText::Inflater {
  z_stream stream{};
  bool inside = false;  ///< a member: its end has yet to come
  std::vector<char> compressed = std::vector<char>(compressed_bytes);
};

bool GzipText::recognise(const InputFile& file) {
  std::array<char, 2> magic{};
  return file.read_at(0, magic) == magic.size() && magic[0] == '\x1f' && magic[1] == '\x8b';
}

GzipText::GzipText(const InputFile& file) : file_(file), inflater_(std::make_unique<Inflater>()) {
  if (inflateInit2(&inflater_->stream, gzip_only) != Z_OK) environment_error("out of memory");
}

GzipText::~GzipText() { inflateEnd(&inflater_->stream); }

std::size_t GzipText::read(std::span<char> into) {
  Inflater& inflater = *inflater_;
  z_stream& stream = inflater.stream;
  const auto room = static_cast<uInt>(std::min<std::size_t>(into.size(), std::size_t{1} << 30U));
  stream.next_out = reinterpret_cast<Bytef*>(into.data());
  stream.avail_out = room;
  for (;;) {
    if (stream.avail_in == 0) refill();
    const bool exhausted = stream.avail_in == 0;  // but a part of a match may still be due
    if (exhausted && !inflater.inside) return 0;
    inflater.inside = true;
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {  // another member may follow
      inflater.inside = false;
      inflateReset(&stream);
    }
    if (stream.avail_out < room) return room - stream.avail_out;  // what is wrong will be so again
    if (status == Z_MEM_ERROR) environment_error("out of memory");
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      usage_error("the gzip data is damaged: {}", stream.msg ? stream.msg : "unknown reason");
    if (exhausted && inflater.inside) usage_error("the gzip data ends early");
  }
}

void GzipText::refill() {
  Inflater& inflater = *inflater_;
  const std::size_t got = file_.read_at(offset_, inflater.compressed);
  offset_ += got;
  inflater.stream.next_in = reinterpret_cast<Bytef*>(inflater.compressed.data());
  inflater.stream.avail_in = static_cast<uInt>(got);
}

}  // namespace tutti
