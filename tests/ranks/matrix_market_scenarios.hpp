// What the reader of Matrix Market files must do, on any transport and any number of ranks.
#pragma once

#include <string>

#include "runtime/comm/transport.hpp"

namespace tutti::scenarios {

// Each takes the transport of this rank and a folder that all ranks share.

/// Every kind of matrix gives the triplets that were meant, whatever the blocks; plain and compressed.
void matrices(Transport& transport, const std::string& folder);
/// Values are the nearest doubles, in all ways to write them.
void numbers(Transport& transport, const std::string& folder);
/// More text than one round has, dealt to all ranks.
void many_rounds(Transport& transport, const std::string& folder);
void vectors(Transport& transport, const std::string& folder);
/// Every kind of malformed text is refused with its line, in the same words on all ranks.
void text_refusals(Transport& transport, const std::string& folder);
/// What is no readable file, and gzip files that are damaged.
void file_refusals(Transport& transport, const std::string& folder);

}  // namespace tutti::scenarios
