// The runtime of one process: transport, workers, options; it records and runs graphs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/comm/transport.hpp"
#include "runtime/data/grid.hpp"
#include "runtime/graph/recorder.hpp"
#include "runtime/options.hpp"

namespace tutti {

class Replay;
class Trace;
class Watchdog;
class Device;
struct DeviceContext;
struct Plan;
struct Profile;

/// A recorded body, lowered and ready to run. Movable; must end before its Runtime.
class Graph {
 public:
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;
  ~Graph();

  /// Replays the next `steps` recorded steps, or fewer if stop_when ends them; returns how many were done.
  /// Collective; the only call that waits. Throws what a kernel threw.
  std::int64_t run(std::int64_t steps);

  std::int64_t steps_done() const;  ///< since it was recorded
  std::size_t node_count() const;   ///< nodes of this rank's plan
  std::string to_dot() const;       ///< the plan as Graphviz DOT
  std::shared_ptr<const Plan> plan() const;
  std::shared_ptr<Profile> profile() const;  ///< where the time of its runs went; between runs only

 private:
  friend class Runtime;
  explicit Graph(std::unique_ptr<Replay> replay);
  std::unique_ptr<Replay> replay_;
};

class Runtime {
 public:
  /// Starts MPI (if there), parses the command line, sizes the team. On --help and --version, on bad options
  /// and on a failing environment the program ends here with its one line and the right status.
  Runtime(int argc, char** argv, Options& options);
  /// For tests and for use inside other programs: one rank of an existing transport.
  Runtime(std::shared_ptr<Transport> transport, const Options& options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  const RankContext& context() const { return context_; }
  operator const RankContext&() const { return context_; }  // so that Grid(rt, ...) reads well
  RankId rank() const { return context_.rank; }
  std::uint32_t ranks() const { return context_.ranks; }
  std::uint32_t workers() const { return context_.workers; }
  bool is_root() const { return context_.rank == RankId{0}; }
  Transport& transport() { return *transport_; }
  /// More workers than cores: they give way to each other instead of spinning.
  bool oversubscribed() const { return oversubscribed_; }
  Device* device() const;  ///< null with --device cpu
  /// How messages leave the device, for reports: see MessagePath.
  const std::string& device_messages() const { return device_messages_; }
  Trace* trace() { return trace_.get(); }  ///< null without --trace
  const Options& options() const { return *options_; }

  /// Records one step; the body runs once per rank and must say the same on all of them. Collective.
  Graph record(const std::string& name, const std::function<void(Recorder&)>& body);
  /// Records a periodic step: body(r, phase) for phase = 0 .. phases-1; one phase counts as one step.
  Graph record(const std::string& name, int phases, const std::function<void(Recorder&, int)>& body);
  /// Records and runs once.
  void run(const std::string& name, const std::function<void(Recorder&)>& body);

 private:
  void start();
  void dump(const Graph& graph);

  std::shared_ptr<Transport> transport_;
  const Options* options_;
  RankContext context_;
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<Trace> trace_;
  std::shared_ptr<DeviceContext> device_;
  std::string device_messages_;
  bool oversubscribed_ = false;
  bool owns_program_ = false;  // this is main's runtime: uncaught errors end the job
  bool dumped_ = false;
};

}  // namespace tutti
