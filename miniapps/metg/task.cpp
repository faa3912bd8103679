#include "miniapps/metg/task.hpp"

namespace metg {

namespace {
constexpr std::size_t line_words = apart_bytes / sizeof(std::uint64_t);
}

void fill_rest(std::uint64_t* output, std::size_t words, std::int64_t step, std::uint32_t point) {
  for (std::size_t i = 2; i < words; i += 2) {
    output[i] = static_cast<std::uint64_t>(step);
    output[i + 1] = point;
  }
}

bool rest_is_output_of(const std::uint64_t* output, std::size_t words, std::int64_t step,
                       std::uint32_t point) {
  std::uint64_t differences = 0;
  for (std::size_t i = 2; i < words; i += 2)
    differences |= (output[i] ^ static_cast<std::uint64_t>(step)) | (output[i + 1] ^ point);
  return differences == 0;
}

Outputs::Outputs(const Problem& problem, std::uint32_t first, std::uint32_t count)
    : first_(first),
      count_(count),
      pitch_((problem.output_words + line_words - 1) / line_words * line_words),
      words_(2 * std::size_t{count} * pitch_ + line_words) {
  const std::size_t past =
      reinterpret_cast<std::uintptr_t>(words_.data()) / sizeof(std::uint64_t) % line_words;
  offset_ = (line_words - past) % line_words;
  for (std::uint32_t p = first; p < first + count; ++p)  // what step 0 reads
    fill_output(of(-1, p), problem.output_words, -1, p);
}

}  // namespace metg
