// The target of libFuzzer: reads anything as a Matrix Market file.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tutti::fuzz::check_matrix_market({reinterpret_cast<const char*>(data), size});
  return 0;
}
