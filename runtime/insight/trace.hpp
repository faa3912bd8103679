// Traces: what every worker did and when, as Chrome's JSON, which Perfetto and chrome://tracing open.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/graph/plan.hpp"
#include "runtime/insight/clock.hpp"

namespace tutti {

struct TraceEvent {
  enum class Kind : std::uint8_t {
    node,  ///< a node of a plan
    idle,  ///< a worker had nothing to do
    poll,  ///< a look at the network that found something
  };
  std::uint64_t begin = 0;  ///< ticks
  std::uint64_t end = 0;
  std::int64_t step = 0;    ///< node: the recorded step
  std::uint32_t node = 0;   ///< node: its number in the plan
  std::uint32_t graph = 0;  ///< as numbered by Trace::add_graph
  Kind kind = Kind::node;
};

/// The last events of one worker. When it is full, the oldest give way. Used by one thread at a time.
class TraceRing {
 public:
  explicit TraceRing(std::size_t capacity) : events_(capacity) {}
  void push(const TraceEvent& event) { events_[pushed_++ % events_.size()] = event; }

  /// Calls f(event) for the events that are left, oldest first.
  template <class F>
  void each(F f) const {
    for (std::uint64_t i = lost(); i < pushed_; ++i) f(events_[i % events_.size()]);
  }
  std::uint64_t lost() const { return pushed_ > events_.size() ? pushed_ - events_.size() : 0; }

 private:
  std::vector<TraceEvent> events_;
  std::uint64_t pushed_ = 0;
};

/// The trace of one rank: a ring per worker, and the names of what is in them.
///
/// In the file a process is a rank and a thread a worker; one more thread, "network", has the looks at the
/// network that found something. Nodes carry their operation, tile and step. Flow arrows join the send and
/// the receive of each message. Gaps of 0.1 us and more between what a worker did are its `runtime`. Times
/// are microseconds on the clock of rank 0, from 0 where the first rank started its trace.
class Trace {
 public:
  /// Events that each worker keeps: 10 MB.
  static constexpr std::size_t default_capacity = 1U << 18;

  Trace(RankId rank, std::uint32_t workers, std::size_t capacity = default_capacity);

  TraceRing& ring(std::uint32_t worker) { return *rings_[worker]; }
  /// Takes note of a plan's names. In the same order on all ranks.
  std::uint32_t add_graph(const Plan& plan);

  /// This rank's events as elements of a JSON array, each followed by ",\n". `offset_s` is added to
  /// steady_clock's seconds.
  std::string events(double offset_s) const;
  std::uint64_t lost() const;                                    ///< events that gave way
  double started_s() const { return steady_seconds(started_); }  ///< steady_clock's seconds when it was made

 private:
  struct NodeName {
    NodeKind kind;
    std::uint32_t operation;  ///< index into Graph::operations
    TileId tile;
    RankId partner;  ///< send and receive
    std::uint32_t tag;
    std::uint64_t bytes;
  };
  struct GraphNames {
    std::string name;
    std::vector<std::string> operations;
    std::vector<NodeName> nodes;
  };
  class Writer;

  RankId rank_;
  std::uint64_t started_;
  std::vector<std::unique_ptr<TraceRing>> rings_;
  std::vector<GraphNames> graphs_;
};

/// Writes the traces of all ranks to one file: each rank a part of its own beside it, which rank 0 then joins
/// and removes. Throws Error(environment) on all ranks if a file cannot be written. Collective.
void write_trace(Transport& transport, const Trace& trace, const std::string& path);

}  // namespace tutti
