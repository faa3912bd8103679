// Whether device addresses go to a transport: only to one that says so and then delivers what was sent.
#include "runtime/exec/device_messages.hpp"

#include <cstdlib>
#include <functional>

#include <gtest/gtest.h>

#include "runtime/device/simulated.hpp"
#include "tests/local_ranks.hpp"

namespace tutti {
namespace {

using std::chrono::milliseconds;

using Views = std::function<HostView(std::uint32_t rank)>;

MessagePath path_of(Transport& transport, HostView view, milliseconds limit = std::chrono::minutes(1)) {
  SimulatedOptions options;
  options.capacity_bytes = std::uint64_t{64} << 20;
  options.host_view = view;
  const auto device = make_simulated_device({}, options);
  return find_message_path(transport, *device, device->make_stream(), limit);
}

/// What every rank of a job of n finds; `view(r)` is what a transport has at the addresses of rank r's
/// device.
std::vector<MessagePath> paths(std::uint32_t n, const Views& view, std::uint32_t per_node = 0) {
  std::vector<MessagePath> found(n);
  test::on_local_ranks(
      n,
      [&](const std::shared_ptr<Transport>& t) {
        found[t->rank().index()] = path_of(*t, view(t->rank().value));
      },
      per_node);
  return found;
}

/// Says that it takes device memory. Its messages never arrive, and it never looks at what they hold.
class Promises : public Transport {
 public:
  explicit Promises(std::shared_ptr<Transport> inner) : inner_(std::move(inner)) {}
  RankId rank() const override { return inner_->rank(); }
  std::uint32_t ranks() const override { return inner_->ranks(); }
  std::uint32_t ranks_on_node() const override { return inner_->ranks_on_node(); }
  std::string description() const override { return inner_->description(); }
  std::string refuses_device_memory() const override { return ""; }
  void barrier() override { inner_->barrier(); }
  double max(double value) override { return inner_->max(value); }
  std::uint64_t max(std::uint64_t value) override { return inner_->max(value); }
  std::uint64_t min(std::uint64_t value) override { return inner_->min(value); }
  std::uint64_t sum(std::uint64_t value) override { return inner_->sum(value); }
  std::vector<Bytes> gather_all(const Bytes& mine) override { return inner_->gather_all(mine); }
  std::map<RankId, Bytes> exchange(const std::map<RankId, Bytes>& out) override {
    return inner_->exchange(out);
  }
  std::unique_ptr<Messages> open(std::vector<MessageSpec> specs) override {
    for (const MessageSpec& spec : specs) EXPECT_TRUE(spec.on_device);
    return std::make_unique<Silence>();
  }
  [[noreturn]] void abort(int status) override {
    inner_->abort(status);
    std::_Exit(status);  // not reached
  }

 private:
  struct Silence : Messages {
    bool start(std::uint32_t) override { return false; }
    bool progress(std::vector<std::uint32_t>&) override { return true; }
  };
  std::shared_ptr<Transport> inner_;
};

TEST(MessagePath, NeedsAWordForItFirst) {
  // the host ends at these addresses, so nobody has tried them
  for (const MessagePath& p : paths(3, [](std::uint32_t) { return HostView::unaware; })) {
    EXPECT_FALSE(p.direct);
    EXPECT_EQ(p.text, "pinned host memory (its transport is for memory of the host)");
  }
  const auto mixed = paths(2, [](std::uint32_t r) { return r == 1 ? HostView::unaware : HostView::aware; });
  EXPECT_FALSE(mixed[0].direct || mixed[1].direct);
  EXPECT_EQ(mixed[0].text, "pinned host memory (another rank refuses device memory)");
}

TEST(MessagePath, IsDirectWherePatternsArrive) {
  for (const std::uint32_t ranks : {2U, 3U})
    for (const std::uint32_t per_node : {0U, ranks})  // shared windows are not for device memory
      for (const MessagePath& p : paths(
               ranks, [](std::uint32_t) { return HostView::aware; }, per_node)) {
        EXPECT_TRUE(p.direct);
        EXPECT_EQ(p.text, "device memory");
      }
}

TEST(MessagePath, IsNotWhereOtherBytesArrive) {
  // one rank of three is enough
  for (const MessagePath& p :
       paths(3, [](std::uint32_t r) { return r == 1 ? HostView::wrong : HostView::aware; })) {
    EXPECT_FALSE(p.direct);
    EXPECT_EQ(p.text, "pinned host memory (a trial with device memory brought other bytes)");
  }
}

TEST(MessagePath, IsNotWhereNothingArrives) {
  test::on_local_ranks(2, [](const std::shared_ptr<Transport>& t) {
    Promises promises(t);
    const MessagePath p = path_of(promises, HostView::unaware, milliseconds(50));
    EXPECT_FALSE(p.direct);
    EXPECT_EQ(p.text, "pinned host memory (a trial with device memory did not end in time)");
  });
}

TEST(MessagePath, IsNobodysBusinessOnOneRank) {
  EXPECT_EQ(paths(1, [](std::uint32_t) { return HostView::unaware; })[0].text, "none");
}

}  // namespace
}  // namespace tutti
