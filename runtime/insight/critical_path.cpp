#include "runtime/insight/critical_path.hpp"

#include <algorithm>
#include <cstring>
#include <map>

namespace tutti {
namespace {

/// When each node ends, cycle by cycle.
class Timeline {
 public:
  Timeline(const Plan& plan, const std::vector<double>& node_s, Transport& transport)
      : plan_(plan),
        node_s_(node_s),
        transport_(transport),
        end_s_(plan.nodes.size(), 0),
        arrived_s_(plan.messages.size(), 0),
        into_(plan.nodes.size()) {
    for (std::uint32_t u = 0; u < plan.nodes.size(); ++u)
      for (std::uint32_t e = plan.first_successor[u]; e < plan.first_successor[u + 1]; ++e)
        into_[plan.successors[e]].push_back({u, plan.distances[e] != 0});
    find_talking_operations();
  }

  /// One more cycle; returns when the last node of any rank ends.
  double cycle() {
    const std::vector<double> before = end_s_;
    std::uint32_t first = 0;
    // the operations are the same on all ranks; messages stay within one
    for (std::uint32_t o = 0; o < plan_.program->operations.size(); ++o) {
      std::uint32_t last = first;
      while (last < plan_.nodes.size() && plan_.nodes[last].operation == o) ++last;
      // a second look only where a message changed something: as often as messages of it depend on each other
      do {
        for (std::uint32_t n = first; n < last; ++n) end_s_[n] = start_s(n, before) + node_s_[n];
      } while (talks_[o] && exchange(first, last));
      first = last;
    }
    return transport_.max(end_s_.empty() ? 0 : *std::max_element(end_s_.begin(), end_s_.end()));
  }

 private:
  struct Input {
    std::uint32_t from;
    bool from_last_cycle;
  };

  /// Those that have messages between any two ranks.
  void find_talking_operations() {
    Bytes talks(plan_.program->operations.size());
    for (const PlanNode& n : plan_.nodes)
      if (n.kind == NodeKind::send) talks[n.operation] = std::byte{1};
    talks_.assign(talks.size(), false);
    for (const Bytes& theirs : transport_.gather_all(talks))
      for (std::size_t o = 0; o < talks_.size(); ++o) talks_[o] = talks_[o] || theirs[o] != std::byte{0};
  }

  double start_s(std::uint32_t n, const std::vector<double>& before) const {
    double start = 0;
    for (const Input& in : into_[n]) start = std::max(start, (in.from_last_cycle ? before : end_s_)[in.from]);
    if (plan_.nodes[n].kind == NodeKind::receive) start = std::max(start, arrived_s_[plan_.nodes[n].payload]);
    return start;
  }

  /// Tells the receivers when the sends among these nodes end. False if nobody learned anything.
  bool exchange(std::uint32_t first, std::uint32_t last) {
    std::map<RankId, Bytes> outgoing;
    for (std::uint32_t n = first; n < last; ++n) {
      if (plan_.nodes[n].kind != NodeKind::send) continue;
      const MessageSpec& m = plan_.messages[plan_.nodes[n].payload].spec;
      const Sent sent{m.tag, end_s_[n]};
      Bytes& bytes = outgoing[m.partner];
      bytes.resize(bytes.size() + sizeof sent);
      std::memcpy(bytes.data() + bytes.size() - sizeof sent, &sent, sizeof sent);
    }
    bool news = false;
    for (const auto& [from, bytes] : transport_.exchange(outgoing))
      for (std::size_t at = 0; at < bytes.size(); at += sizeof(Sent)) {
        Sent sent;
        std::memcpy(&sent, bytes.data() + at, sizeof sent);
        double& known = arrived_s_[receive_of(from, sent.tag)];
        news |= sent.end_s != known;
        known = sent.end_s;
      }
    return transport_.max(std::uint64_t{news}) != 0;
  }

  struct Sent {
    std::uint64_t tag;
    double end_s;
  };

  std::size_t receive_of(RankId from, std::uint64_t tag) {
    if (receives_.empty())
      for (std::size_t m = 0; m < plan_.messages.size(); ++m)
        if (const MessageSpec& spec = plan_.messages[m].spec; !spec.sending)
          receives_[{spec.partner, spec.tag}] = m;
    return receives_.at({from, tag});
  }

  const Plan& plan_;
  const std::vector<double>& node_s_;
  Transport& transport_;
  std::vector<double> end_s_;      // by node, in the latest cycle that it was looked at
  std::vector<double> arrived_s_;  // by message: when the send of its latest cycle ended
  std::vector<std::vector<Input>> into_;
  std::vector<bool> talks_;  // by operation
  std::map<std::pair<RankId, std::uint64_t>, std::size_t> receives_;
};

}  // namespace

double critical_path_s(const Plan& plan, const std::vector<double>& node_s, Transport& transport) {
  constexpr int warm_up_cycles = 4;
  constexpr int cycles = 8;
  Timeline timeline(plan, node_s, transport);
  double begin_s = 0;
  for (int c = 0; c < warm_up_cycles; ++c) begin_s = timeline.cycle();
  double end_s = begin_s;
  for (int c = 0; c < cycles; ++c) end_s = timeline.cycle();
  return (end_s - begin_s) / (cycles * static_cast<double>(plan.copies_per_cycle()));
}

}  // namespace tutti
