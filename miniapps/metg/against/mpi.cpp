// The graphs in plain MPI: each rank has a block of points. In each step it sends the outputs that others
// read, receives those that it reads, waits for both, and runs its tasks.
#include <algorithm>
#include <map>

#include <mpi.h>

#include "miniapps/metg/system.hpp"
#include "runtime/error.hpp"

namespace metg {
namespace {

/// A communicator of its own, so that nothing meets the runtime's messages.
class Communicator {
 public:
  Communicator() {
    MPI_Comm_dup(MPI_COMM_WORLD, &comm_);
    MPI_Comm_rank(comm_, &rank_);
    MPI_Comm_size(comm_, &ranks_);
  }
  ~Communicator() { MPI_Comm_free(&comm_); }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  MPI_Comm get() const { return comm_; }
  std::int64_t rank() const { return rank_; }
  std::int64_t ranks() const { return ranks_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int ranks_ = 1;
};

/// One rank's part of one phase.
struct Exchange {
  struct Part {
    std::uint32_t point;
    int partner;
  };
  std::vector<Part> sends;     // own outputs of the step before; each once per rank that reads it
  std::vector<Part> receives;  // others' outputs of the step before
};

/// One rank's part of one graph.
class RankGraph {
 public:
  RankGraph(const Problem& problem, std::uint32_t graph, const Communicator& comm)
      : problem_(problem), graph_(graph), comm_(comm.get()), outputs_(problem, 0, problem.width()) {
    const std::int64_t width = problem.width();
    std::vector<int> owner(static_cast<std::size_t>(width));
    for (std::int64_t r = 0; r < comm.ranks(); ++r)
      std::fill(owner.begin() + r * width / comm.ranks(), owner.begin() + (r + 1) * width / comm.ranks(),
                static_cast<int>(r));
    first_ = static_cast<std::uint32_t>(comm.rank() * width / comm.ranks());
    last_ = static_cast<std::uint32_t>((comm.rank() + 1) * width / comm.ranks());
    const Pattern& pattern = problem.graphs[graph];
    const auto me = static_cast<int>(comm.rank());
    std::size_t most = 0;
    for (std::uint32_t phase = 0; phase < problem.phases(); ++phase) {
      std::map<std::pair<std::uint32_t, int>, bool> sends, receives;  // in order, without repetition
      for (std::uint32_t point = 0; point < problem.width(); ++point)
        for (const std::uint32_t producer : pattern.inputs(phase, point)) {
          const int from = owner[producer];
          const int to = owner[point];
          if (from == me && to != me) sends[{producer, to}] = true;
          if (to == me && from != me) receives[{producer, from}] = true;
        }
      Exchange& exchange = phases_.emplace_back();
      for (const auto& [part, yes] : sends) exchange.sends.push_back({part.first, part.second});
      for (const auto& [part, yes] : receives) exchange.receives.push_back({part.first, part.second});
      most = std::max(most, sends.size() + receives.size());
    }
    requests_.reserve(most);
  }

  void start_exchange(std::int64_t step, std::uint32_t phase) {
    const auto bytes = static_cast<int>(problem_.output_words * sizeof(std::uint64_t));
    requests_.clear();
    for (const Exchange::Part& r : phases_[phase].receives)
      MPI_Irecv(outputs_.of(step - 1, r.point), bytes, MPI_BYTE, r.partner, tag(r.point), comm_, &request());
    for (const Exchange::Part& s : phases_[phase].sends)
      MPI_Isend(outputs_.of(step - 1, s.point), bytes, MPI_BYTE, s.partner, tag(s.point), comm_, &request());
  }
  void finish_exchange() {
    MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
  }
  void run_tasks(std::int64_t step, std::uint32_t phase, WorkerState& worker) {
    const Pattern& pattern = problem_.graphs[graph_];
    for (std::uint32_t point = first_; point < last_; ++point) {
      if (!pattern.is_active(phase, point)) continue;
      const auto producers = pattern.inputs(phase, point);
      run_task(
          problem_, {graph_, point, step}, producers,
          [&](std::size_t i) { return outputs_.of(step - 1, producers[i]); }, outputs_.of(step, point),
          worker);
    }
  }

 private:
  MPI_Request& request() { return requests_.emplace_back(MPI_REQUEST_NULL); }
  int tag(std::uint32_t point) const { return static_cast<int>(graph_ * problem_.width() + point); }

  const Problem& problem_;
  std::uint32_t graph_;
  MPI_Comm comm_;
  Outputs outputs_;  // of all points: those of others are where they arrive
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::vector<Exchange> phases_;
  std::vector<MPI_Request> requests_;
};

class MpiSystem : public System {
 public:
  explicit MpiSystem(const Problem& problem) : System("mpi", Place::all_ranks, problem, 1) {
    for (std::uint32_t g = 0; g < problem.graphs.size(); ++g) graphs_.emplace_back(problem, g, comm_);
  }

 private:
  // The messages of all graphs are under way before the first of them is waited for.
  void run(std::int64_t first, std::int64_t steps) override {
    auto phase = static_cast<std::uint32_t>(first % problem().phases());
    for (std::int64_t step = first; step < first + steps; ++step) {
      for (RankGraph& g : graphs_) g.start_exchange(step, phase);
      for (RankGraph& g : graphs_) {
        g.finish_exchange();
        g.run_tasks(step, phase, state_of(0));
      }
      if (++phase == problem().phases()) phase = 0;
    }
  }

  Communicator comm_;
  std::vector<RankGraph> graphs_;
};

}  // namespace

std::unique_ptr<System> make_mpi_system(const Problem& problem) {
  return std::make_unique<MpiSystem>(problem);
}

}  // namespace metg
