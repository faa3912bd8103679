// A system that runs the graphs: Tutti, or one that it is compared with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "miniapps/metg/task.hpp"

namespace metg {

/// Who runs a system: each rank with its workers, or the first rank alone with as many workers as all ranks
/// have together.
enum class Place { all_ranks, first_rank };

/// Holds the data of the graphs between runs. Every rank has the object; with Place::first_rank only the
/// first one uses it.
class System {
 public:
  /// `workers`: threads of this rank that run tasks.
  System(std::string name, Place place, const Problem& problem, std::uint32_t workers)
      : name_(std::move(name)),
        place_(place),
        problem_(problem),
        scratch_(problem.work.kind, workers),
        states_(workers) {
    for (std::uint32_t w = 0; w < workers; ++w) states_[w].scratch = scratch_.of(w);
  }
  virtual ~System() = default;
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  const std::string& name() const { return name_; }
  Place place() const { return place_; }
  std::uint32_t workers() const { return static_cast<std::uint32_t>(states_.size()); }

  /// Gets ready for advance(steps): what a program would do once, before its time loop. Not timed.
  void prepare(std::int64_t steps) { get_ready(next_step_, steps); }
  /// The next `steps` steps of all graphs; returns when this rank's tasks are done.
  void advance(std::int64_t steps) {
    run(next_step_, steps);
    next_step_ += steps;
  }
  std::int64_t steps_done() const { return next_step_; }

  /// What this rank's workers did since the start.
  Tally tally() const {
    Tally sum;
    for (const WorkerState& s : states_) {
      sum.tasks += s.tally.tasks;
      sum.inputs += s.tally.inputs;
      sum.failures += s.tally.failures;
    }
    return sum;
  }

 protected:
  virtual void get_ready(std::int64_t /*first*/, std::int64_t /*steps*/) {}
  virtual void run(std::int64_t first, std::int64_t steps) = 0;
  const Problem& problem() const { return problem_; }
  WorkerState& state_of(std::uint32_t worker) { return states_[worker]; }

 private:
  std::string name_;
  Place place_;
  const Problem& problem_;
  Scratch scratch_;
  std::vector<WorkerState> states_;
  std::int64_t next_step_ = 0;
};

/// The systems to compare with, one file each (against/). Those that this build does not have throw
/// Error(usage). `workers`: of all ranks together; plain MPI runs one task at a time on each rank. `cores`:
/// where oneTBB's threads, which cannot be pinned from outside, are held while they run tasks; may be empty.
std::unique_ptr<System> make_mpi_system(const Problem& problem);
std::unique_ptr<System> make_omp_task_system(const Problem& problem, std::uint32_t workers);
std::unique_ptr<System> make_omp_for_system(const Problem& problem, std::uint32_t workers);
std::unique_ptr<System> make_tbb_system(const Problem& problem, std::uint32_t workers,
                                        const std::vector<int>& cores);

}  // namespace metg
