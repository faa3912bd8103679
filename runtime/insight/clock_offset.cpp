#include "runtime/insight/clock_offset.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <vector>

namespace tutti {
namespace {

constexpr int round_trips = 30;

/// One double there and one back between rank 0 and another rank.
class Line {
 public:
  Line(Transport& transport, RankId partner)
      : messages_(transport.open({{partner, 0, staging_.data(), sizeof(double), true},
                                  {partner, 0, staging_.data() + sizeof(double), sizeof(double), false}})) {
    messages_->start(receiving);
  }

  void send(double value) {
    std::memcpy(staging_.data(), &value, sizeof value);
    sent_ = messages_->start(sending);
    wait(sent_);
  }
  double receive() {
    wait(received_);
    double value = 0;
    std::memcpy(&value, staging_.data() + sizeof value, sizeof value);
    messages_->start(receiving);
    return value;
  }

 private:
  enum : std::uint32_t { sending, receiving };

  void wait(bool& flag) {
    while (!flag) {
      done_.clear();
      messages_->progress(done_);
      for (const std::uint32_t m : done_) (m == sending ? sent_ : received_) = true;
    }
    flag = false;
  }

  std::array<std::byte, 2 * sizeof(double)> staging_{};
  std::unique_ptr<Messages> messages_;
  std::vector<std::uint32_t> done_;
  bool sent_ = false;
  bool received_ = false;
};

double ask(Line& line, const std::function<double()>& now_s) {
  double offset_s = 0;
  double shortest_s = std::numeric_limits<double>::infinity();
  for (int i = 0; i < round_trips; ++i) {
    const double before_s = now_s();
    line.send(0);
    const double theirs_s = line.receive();
    const double took_s = now_s() - before_s;
    if (took_s >= shortest_s) continue;
    shortest_s = took_s;
    offset_s = before_s + took_s / 2 - theirs_s;
  }
  line.send(offset_s);
  return offset_s;
}

double answer(Line& line, const std::function<double()>& now_s) {
  for (int i = 0; i < round_trips; ++i) {
    line.receive();
    line.send(now_s());
  }
  return line.receive();
}

}  // namespace

double clock_offset_s(Transport& transport, const std::string& node, const std::function<double()>& now_s) {
  Bytes mine(node.size());
  std::memcpy(mine.data(), node.data(), node.size());
  const std::vector<Bytes> nodes = transport.gather_all(mine);
  double offset_s = 0;
  for (std::uint32_t r = 1; r < transport.ranks(); ++r) {
    if (nodes[r] == nodes[0]) continue;
    const bool asks = transport.rank() == RankId{0};
    if (asks || transport.rank() == RankId{r}) {
      Line line(transport, RankId{asks ? r : 0});
      const double found_s = asks ? ask(line, now_s) : answer(line, now_s);
      if (!asks) offset_s = found_s;
    } else {
      transport.open({});  // collective
    }
  }
  return offset_s;
}

}  // namespace tutti
