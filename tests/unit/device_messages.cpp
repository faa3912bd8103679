// Whether device addresses go to a transport: only to one that says so and then delivers what was sent.
#include "runtime/exec/device_messages.hpp"

#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/comm/shared.hpp"
#include "runtime/device/simulated.hpp"

namespace tutti {
namespace {

using std::chrono::milliseconds;

/// What every rank of a job of n finds; `view(r)` is what a transport has at the addresses of rank r's
/// device.
std::vector<MessagePath> paths(
    std::uint32_t n, const std::function<HostView(std::uint32_t)>& view,
    const std::function<std::shared_ptr<Transport>(std::shared_ptr<Transport>)>& through =
        [](auto transport) { return transport; },
    milliseconds limit = std::chrono::minutes(1)) {
  const auto transports = make_local_transports(n);
  std::vector<MessagePath> found(n);
  std::vector<std::thread> threads;
  for (std::uint32_t r = 0; r < n; ++r)
    threads.emplace_back([&, r] {
      SimulatedOptions options;
      options.capacity_bytes = std::uint64_t{64} << 20;
      options.host_view = view(r);
      const auto device = make_simulated_device({}, options);
      found[r] = find_message_path(*through(transports[r]), *device, device->make_stream(), limit);
    });
  for (std::thread& t : threads) t.join();
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
  [[noreturn]] void abort(int status) override { inner_->abort(status); }

 private:
  struct Silence : Messages {
    void start(std::uint32_t) override {}
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
  for (const std::uint32_t n : {2U, 3U})
    for (const bool windows : {false, true})
      for (const MessagePath& p : paths(
               n, [](std::uint32_t) { return HostView::aware; },
               [&](auto t) { return windows ? with_shared_memory(t, 0) : t; })) {
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
  const auto start = std::chrono::steady_clock::now();
  for (const MessagePath& p : paths(
           2, [](std::uint32_t) { return HostView::unaware; },
           [](auto t) { return std::make_shared<Promises>(t); }, milliseconds(50))) {
    EXPECT_FALSE(p.direct);
    EXPECT_EQ(p.text, "pinned host memory (a trial with device memory did not end in time)");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(MessagePath, IsNobodysBusinessOnOneRank) {
  EXPECT_EQ(paths(1, [](std::uint32_t) { return HostView::unaware; })[0].text, "none");
}

}  // namespace
}  // namespace tutti
