#include "runtime/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include <unistd.h>

#include "runtime/data/store.hpp"
#include "runtime/device/device_store.hpp"
#include "runtime/error.hpp"
#include "runtime/errors.hpp"
#include "runtime/exec/device_messages.hpp"
#include "runtime/exec/replay.hpp"
#include "runtime/exec/watchdog.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/machine.hpp"

namespace tutti {
namespace {

/// How many cores this rank may use, and how many ranks share them.
struct Share {
  std::uint32_t cores = 1;
  std::uint32_t ranks = 1;
};

Share share_of_cores(Transport& transport) {
  const std::vector<int> mine = affinity();
  std::string text = host_name();
  for (const int c : mine) text += fmt::format(" {}", c);
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  Share share{static_cast<std::uint32_t>(mine.size()), 0};
  for (const Bytes& other : transport.gather_all(bytes))
    if (other == bytes) ++share.ranks;
  return share;
}

/// This rank among those on the same machine.
DeviceShare device_share(Transport& transport) {
  const std::string name = host_name();
  Bytes mine(name.size());
  std::memcpy(mine.data(), name.data(), name.size());
  DeviceShare share{0, 0};
  std::uint32_t rank = 0;
  for (const Bytes& other : transport.gather_all(mine)) {
    if (other == mine && rank < transport.rank().value) ++share.local_rank;
    if (other == mine) ++share.local_ranks;
    ++rank;
  }
  return share;
}

std::uint64_t memory_share_bytes(Transport& transport) {
  const std::uint64_t available = available_memory_bytes();
  if (available == ~0ULL) return available;
  return transport.min(available / std::max(1U, transport.ranks_on_node()) / 100 * 97);
}

}  // namespace

// -- Graph
// ----------------------------------------------------------------------------------------------------

Graph::Graph(std::unique_ptr<Replay> replay) : replay_(std::move(replay)) {}
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::~Graph() = default;
std::int64_t Graph::run(std::int64_t steps) { return replay_->run(steps); }
std::int64_t Graph::steps_done() const { return replay_->steps_done(); }
std::size_t Graph::node_count() const { return replay_->plan()->nodes.size(); }
std::string Graph::to_dot() const { return replay_->plan()->to_dot(); }
std::shared_ptr<const Plan> Graph::plan() const { return replay_->plan(); }
std::shared_ptr<Profile> Graph::profile() const { return replay_->profile(); }

// -- Runtime
// --------------------------------------------------------------------------------------------------

Runtime::Runtime(int argc, char** argv, Options& options) : options_(&options) {
  end_program_on_uncaught_errors(nullptr);
  transport_ = make_transport(argc, argv);
  end_program_on_uncaught_errors(transport_.get());
  if (!parse_options(argc, argv, options, transport_->rank().value == 0)) {
    end_program_on_uncaught_errors(nullptr);
    transport_.reset();
    std::exit(0);
  }
  owns_program_ = true;
  start();
}

Runtime::Runtime(std::shared_ptr<Transport> transport, const Options& options)
    : transport_(std::move(transport)), options_(&options) {
  start();
}

Runtime::~Runtime() {
  if (owns_program_) end_program_on_uncaught_errors(nullptr);
}

void Runtime::start() {
  transport_->share_memory(options_->messages == "auto");
  const Share share = share_of_cores(*transport_);
  context_.rank = transport_->rank();
  context_.ranks = transport_->ranks();
  if (options_->device != "cpu") {
    device_ = std::make_shared<DeviceContext>(make_device(options_->device, device_share(*transport_)));
    const MessagePath path = find_message_path(*transport_, *device_->device, device_->transfer);
    device_->direct_messages = path.direct;
    device_messages_ = path.text;
  }
  const std::uint32_t own_cores = device_ ? 1 : std::max(1U, share.cores / std::max(1U, share.ranks));
  context_.workers = options_->threads > 0 ? static_cast<std::uint32_t>(options_->threads) : own_cores;
  transport_->check_workers(context_.workers);
  context_.budget = std::make_shared<MemoryBudget>(memory_share_bytes(*transport_));
  oversubscribed_ =
      transport_->sum(context_.workers) * share.ranks > std::uint64_t{share.cores} * context_.ranks;
  if (!options_->trace.empty()) {
    check_writable(*transport_, "--trace", options_->trace);
    trace_ = std::make_unique<Trace>(context_.rank, context_.workers);
  }
  if (options_->watchdog_s > 0)
    watchdog_ = std::make_unique<Watchdog>(options_->watchdog_s, [this](const std::string& what) {
      std::fprintf(stderr, "tutti: error: rank %u: %s\n", context_.rank.value, what.c_str());
      std::this_thread::sleep_for(std::chrono::seconds(1));  // let the other ranks say their line
      if (context_.ranks > 1) transport_->abort(static_cast<int>(Status::environment));
      std::_Exit(static_cast<int>(Status::environment));
    });
}

Device* Runtime::device() const { return device_ ? device_->device.get() : nullptr; }

Graph Runtime::record(const std::string& name, const std::function<void(Recorder&)>& body) {
  return record(name, 1, [&](Recorder& r, int) { body(r); });
}

Graph Runtime::record(const std::string& name, int phases, const std::function<void(Recorder&, int)>& body) {
  if (phases < 1) usage_error("graph '{}': {} phases; it needs at least one", name, phases);
  Record record{name, {}};
  for (int p = 0; p < phases; ++p) {
    Recorder recorder(name);
    body(recorder, p);
    record.phases.push_back(recorder.take());
  }
  Graph graph(
      std::make_unique<Replay>(std::move(record), context_, *transport_,
                               ReplayOptions{options_->schedule, oversubscribed_, options_->steal,
                                             options_->task_order, watchdog_.get(), trace_.get(), device_}));
  if (!options_->dump_graph.empty()) dump(graph);
  return graph;
}

void Runtime::run(const std::string& name, const std::function<void(Recorder&)>& body) {
  record(name, body).run(1);
}

// All graphs of a program go into one file; ranks beyond the first have files of their own.
void Runtime::dump(const Graph& graph) {
  std::string path = options_->dump_graph;
  if (!is_root()) path += fmt::format(".rank{}", context_.rank.value);
  std::ofstream file(path, dumped_ ? std::ios::app : std::ios::trunc);
  dumped_ = true;
  file << graph.to_dot();
  if (!file.flush()) environment_error("cannot write the graph to '{}': {}", path, std::strerror(errno));
}

}  // namespace tutti
