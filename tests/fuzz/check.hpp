// What must hold for every sequence of bytes that is read as a Matrix Market file.
#pragma once

#include <span>

namespace tutti::fuzz {

/// Reads `data` as a matrix and as a vector, on one rank and on several with small blocks, and throws
/// std::logic_error unless all outcomes agree and are sound: triplets in their ranges and finite, as many as
/// declared; or a refusal in one printable line with the number of a line that there is, status 2.
void check_matrix_market(std::span<const char> data);

}  // namespace tutti::fuzz
