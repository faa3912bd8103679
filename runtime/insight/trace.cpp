#include "runtime/insight/trace.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runtime/error.hpp"
#include "runtime/insight/clock.hpp"
#include "runtime/insight/clock_offset.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/machine.hpp"

namespace tutti {
namespace {

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

constexpr double least_gap_us = 0.1;  // shorter ones are not worth their line in the file

}  // namespace

/// Turns the events of one rank into text.
class Trace::Writer {
 public:
  Writer(const Trace& trace, double offset_s)
      : trace_(trace),
        us_per_tick_(seconds_per_tick() * 1e6),
        origin_us_((trace.started_s() + offset_s) * 1e6) {}

  std::string write() {
    const auto network = static_cast<std::uint32_t>(trace_.rings_.size());
    name("process_name", 0, fmt::format("rank {} on {}", trace_.rank_.value, host_name()));
    name("process_sort_index", 0, trace_.rank_.value);
    for (std::uint32_t w = 0; w < network; ++w) {
      name("thread_name", w, fmt::format("worker {}", w));
      name("thread_sort_index", w, w);
    }
    name("thread_name", network, "network");
    name("thread_sort_index", network, network);
    for (std::uint32_t w = 0; w < network; ++w) write_worker(w);
    write_polls(network);
    return std::move(text_);
  }

 private:
  void write_worker(std::uint32_t w) {
    std::uint64_t last_end = 0;
    trace_.rings_[w]->each([&](const TraceEvent& e) {
      if (e.kind == TraceEvent::Kind::poll) return;
      if (last_end != 0 && us(e.begin) - us(last_end) >= least_gap_us)
        slice("runtime", "runtime", w, last_end, e.begin, "");
      last_end = e.end;
      if (e.kind == TraceEvent::Kind::idle)
        slice("idle", "idle", w, e.begin, e.end, "");
      else
        node(e, w);
    });
  }

  /// Of all workers. One at a time is inside the network; the others' wait for it is not shown.
  void write_polls(std::uint32_t thread) {
    std::vector<TraceEvent> polls;
    for (const auto& ring : trace_.rings_)
      ring->each([&](const TraceEvent& e) {
        if (e.kind == TraceEvent::Kind::poll) polls.push_back(e);
      });
    std::sort(polls.begin(), polls.end(), [](const auto& a, const auto& b) { return a.end < b.end; });
    std::uint64_t last_end = 0;
    for (const TraceEvent& e : polls) {
      slice("messages arrived or sent", "network", thread, std::max(e.begin, last_end), e.end, "");
      last_end = e.end;
    }
  }

  double us(std::uint64_t tick) const {
    return origin_us_ + us_per_tick_ * (static_cast<double>(tick) - static_cast<double>(trace_.started_));
  }

  template <class Value>
  void name(const char* what, std::uint32_t thread, const Value& value) {
    constexpr bool is_number = std::is_arithmetic_v<Value>;
    std::string shown;
    if constexpr (is_number)
      shown = fmt::format("\"sort_index\":{}", value);
    else
      shown = fmt::format("\"name\":{}", quoted(value));
    text_ += fmt::format("{{\"ph\":\"M\",\"name\":\"{}\",\"pid\":{},\"tid\":{},\"args\":{{{}}}}},\n", what,
                         trace_.rank_.value, thread, shown);
  }

  void slice(const std::string& name, const char* category, std::uint32_t thread, std::uint64_t begin,
             std::uint64_t end, const std::string& arguments) {
    text_ += fmt::format(
        "{{\"ph\":\"X\",\"name\":{},\"cat\":\"{}\",\"pid\":{},\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},"
        "\"args\":{{{}}}}},\n",
        quoted(name), category, trace_.rank_.value, thread, us(begin),
        us_per_tick_ * static_cast<double>(end - begin), arguments);
  }

  void node(const TraceEvent& e, std::uint32_t thread) {
    const GraphNames& graph = trace_.graphs_[e.graph];
    const NodeName& n = graph.nodes[e.node];
    const std::string& operation = graph.operations[n.operation];
    std::string arguments = fmt::format("\"graph\":{},\"step\":{}", quoted(graph.name), e.step);
    switch (n.kind) {
      case NodeKind::run:
      case NodeKind::copy:
        arguments += fmt::format(",\"tile\":{}", n.tile.value);
        slice(n.kind == NodeKind::run ? operation : "ghosts of " + operation,
              n.kind == NodeKind::run ? "kernel" : "copy", thread, e.begin, e.end, arguments);
        return;
      case NodeKind::compute:
      case NodeKind::decide:
        slice(operation, "kernel", thread, e.begin, e.end, arguments);
        return;
      case NodeKind::combine:
        slice("reduction of " + operation, "reduction", thread, e.begin, e.end, arguments);
        return;
      case NodeKind::send:
      case NodeKind::receive:
        break;
    }
    const bool sends = n.kind == NodeKind::send;
    arguments += fmt::format(",\"partner\":{},\"tag\":{},\"bytes\":{}", n.partner.value, n.tag, n.bytes);
    slice((sends ? "send for " : "receive for ") + operation, "message", thread, e.begin, e.end, arguments);
    const std::uint32_t from = sends ? trace_.rank_.value : n.partner.value;
    const std::uint32_t to = sends ? n.partner.value : trace_.rank_.value;
    text_ += fmt::format(
        "{{\"ph\":\"{}\",\"name\":\"message\",\"cat\":\"message\",\"id\":\"{}.{}.{}.{}.{}\",\"pid\":{},"
        "\"tid\":{},\"ts\":{:.3f}{}}},\n",
        sends ? 's' : 'f', e.graph, from, to, n.tag, e.step, trace_.rank_.value, thread, us(e.begin),
        sends ? "" : ",\"bp\":\"e\"");
  }

  const Trace& trace_;
  double us_per_tick_;
  double origin_us_;
  std::string text_;
};

Trace::Trace(RankId rank, std::uint32_t workers, std::size_t capacity) : rank_(rank), started_(ticks()) {
  for (std::uint32_t w = 0; w < workers; ++w) rings_.push_back(std::make_unique<TraceRing>(capacity));
}

std::uint32_t Trace::add_graph(const Plan& plan) {
  GraphNames graph{plan.program->record->name, {}, {}};
  for (const BoundOperation& op : plan.program->operations)
    graph.operations.push_back(op.operation->kernel.name);
  for (const PlanNode& n : plan.nodes) {
    NodeName name{n.kind, n.operation, n.task.tile, {}, 0, 0};
    if (n.kind == NodeKind::send || n.kind == NodeKind::receive) {
      const MessageSpec& m = plan.messages[n.payload].spec;
      name.partner = m.partner;
      name.tag = m.tag;
      name.bytes = m.bytes;
    }
    graph.nodes.push_back(name);
  }
  graphs_.push_back(std::move(graph));
  return static_cast<std::uint32_t>(graphs_.size() - 1);
}

std::string Trace::events(double offset_s) const { return Writer(*this, offset_s).write(); }

std::uint64_t Trace::lost() const {
  std::uint64_t sum = 0;
  for (const auto& ring : rings_) sum += ring->lost();
  return sum;
}

void write_trace(Transport& transport, const Trace& trace, const std::string& path) {
  const auto now_s = [] { return steady_seconds(ticks()); };
  const double to_rank0_s = clock_offset_s(transport, host_name(), now_s);
  const double first_s = -transport.max(-(trace.started_s() + to_rank0_s));  // the trace begins at 0
  const double offset_s = to_rank0_s - first_s;
  const auto part_of = [&](std::uint32_t rank) { return fmt::format("{}.rank{}", path, rank); };
  share_outcome(transport, [&] { write_text(part_of(transport.rank().value), trace.events(offset_s)); });
  const std::uint64_t lost = transport.sum(trace.lost());
  on_root(transport, [&] {
    std::ofstream all(unfinished(path));
    all << "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"lost_events\":" << lost << "},\"traceEvents\":[\n";
    for (std::uint32_t r = 0; r < transport.ranks(); ++r) {
      std::ifstream part(part_of(r));
      if (!part)
        environment_error(
            "--trace: rank 0 does not see '{}', which rank {} wrote; name a file on a file "
            "system that all nodes share",
            part_of(r), r);
      all << part.rdbuf();
    }
    all << "{\"ph\":\"M\",\"name\":\"trace\",\"pid\":0,\"tid\":0,\"args\":{}}]}\n";
    if (!all.flush()) environment_error("--trace: cannot write '{}'", path);
    all.close();
    finish_file(path);
    for (std::uint32_t r = 0; r < transport.ranks(); ++r) std::filesystem::remove(part_of(r));
  });
}

}  // namespace tutti
