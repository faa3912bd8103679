// What every transport demands of the messages of a graph.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <tuple>

#include "runtime/comm/transport.hpp"
#include "runtime/error.hpp"

namespace tutti {

/// Of so many sends of one channel, one waits for its receiver, so that a fast sender cannot run ahead
/// without limit. (A synchronous send takes some 800 ns more than an eager one.)
inline constexpr std::uint32_t bounded_skew = 64;

/// How long the destructor of Messages waits for its sends: for jobs that are going wrong.
inline constexpr std::chrono::seconds farewell{5};

/// Throws Error(usage) for a partner that does not exist, a tag beyond `max_tag`, memory that is missing,
/// or two messages that could not be told apart.
inline void check_specs(std::span<const MessageSpec> specs, std::uint32_t ranks, std::uint64_t max_tag) {
  std::set<std::tuple<bool, RankId, std::uint32_t>> channels;
  for (const MessageSpec& spec : specs) {
    const char* what = spec.sending ? "send to" : "receive from";
    const std::uint32_t partner = spec.partner.value;
    if (partner >= ranks)
      usage_error("A message is a {} rank {}, but there are {} ranks.", what, partner, ranks);
    if (spec.tag > max_tag) {
      usage_error("The {} rank {} needs tag {}, but this MPI allows {} at most: use larger tiles.", what,
                  partner, spec.tag, max_tag);
    }
    if (spec.bytes > 0 && spec.staging == nullptr) {
      usage_error("The {} rank {} with tag {} has no staging memory for its {} bytes.", what, partner,
                  spec.tag, spec.bytes);
    }
    if (!channels.emplace(spec.sending, spec.partner, spec.tag).second) {
      usage_error("There are two messages that {} rank {} with tag {}.", what, partner, spec.tag);
    }
  }
}

/// Throws Error(usage) if there are bytes for a rank that does not exist.
inline void check_partners(const std::map<RankId, Bytes>& outgoing, std::uint32_t ranks) {
  for (const auto& [partner, bytes] : outgoing) {
    if (partner.value >= ranks)
      usage_error("An exchange has bytes for rank {} of {} ranks.", partner.value, ranks);
  }
}

}  // namespace tutti
