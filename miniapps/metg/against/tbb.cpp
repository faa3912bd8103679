// The graphs as a flow graph of oneTBB: one node per task of a run, built before the run and used again by
// the next one of as many steps.
#include <deque>
#include <set>

#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include "miniapps/metg/pinning.hpp"
#include "miniapps/metg/system.hpp"

namespace metg {
namespace {

namespace flow = oneapi::tbb::flow;

/// Holds each thread of an arena to a core of its own.
class Pinner : public oneapi::tbb::task_scheduler_observer {
 public:
  Pinner(oneapi::tbb::task_arena& arena, const std::vector<int>& cores)
      : oneapi::tbb::task_scheduler_observer(arena), cores_(cores) {
    if (!cores_.empty()) observe(true);
  }
  ~Pinner() override { observe(false); }
  Pinner(const Pinner&) = delete;
  Pinner& operator=(const Pinner&) = delete;
  void on_scheduler_entry(bool /*is_worker*/) override {
    pin_this_thread({cores_[static_cast<std::size_t>(oneapi::tbb::this_task_arena::current_thread_index())]});
  }

 private:
  std::vector<int> cores_;
};

class TbbSystem : public System {
 public:
  TbbSystem(const Problem& problem, std::uint32_t workers, const std::vector<int>& cores)
      : System("tbb", Place::first_rank, problem, workers),
        allowed_(oneapi::tbb::global_control::max_allowed_parallelism, workers),
        arena_(static_cast<int>(workers)),
        pinner_(arena_, cores) {
    for (std::size_t g = 0; g < problem.graphs.size(); ++g)
      outputs_.emplace_back(problem, 0, problem.width());
  }

 private:
  using Node = flow::continue_node<flow::continue_msg>;

  /// Steps after which a task does the same with the same memory.
  std::int64_t period() const {
    return problem().phases() % 2 == 0 ? problem().phases() : 2 * problem().phases();
  }

  void get_ready(std::int64_t first, std::int64_t steps) override {
    if (graph_ && steps == steps_ && (first - first_) % period() == 0) return;
    steps_ = steps;
    first_ = first;
    sources_.clear();
    nodes_.clear();
    arena_.execute([&] { graph_ = std::make_unique<flow::graph>(); });
    for (std::uint32_t g = 0; g < outputs_.size(); ++g) build(g);
  }

  void build(std::uint32_t g) {
    const Pattern& pattern = problem().graphs[g];
    const std::uint32_t width = problem().width();
    std::vector<Node*> before(width), two_before(width);
    for (std::int64_t s = 0; s < steps_; ++s) {
      const auto phase = static_cast<std::uint32_t>((first_ + s) % problem().phases());
      const auto earlier =
          static_cast<std::uint32_t>((first_ + s + problem().phases() - 1) % problem().phases());
      std::vector<Node*> now(width);
      for (std::uint32_t point = 0; point < width; ++point) {
        if (!pattern.is_active(phase, point)) continue;
        now[point] = &nodes_.emplace_back(*graph_, [this, g, point, s, phase](const flow::continue_msg&) {
          execute({g, point, base_ + s}, phase);
        });
        std::set<Node*> waits_for;
        for (const std::uint32_t p : pattern.inputs(phase, point)) waits_for.insert(before[p]);
        // the memory of its output: its last readers, and its last writer if nobody read it
        const auto readers = pattern.readers(earlier, point);
        for (const std::uint32_t p : readers) waits_for.insert(before[p]);
        if (readers.empty()) waits_for.insert(two_before[point]);
        waits_for.erase(nullptr);
        for (Node* n : waits_for) flow::make_edge(*n, *now[point]);
        if (waits_for.empty()) sources_.push_back(now[point]);
      }
      two_before = std::move(before);
      before = std::move(now);
    }
  }

  void execute(const TaskId& id, std::uint32_t phase) {
    const auto worker = static_cast<std::uint32_t>(oneapi::tbb::this_task_arena::current_thread_index());
    const auto producers = problem().graphs[id.graph].inputs(phase, id.point);
    Outputs& outputs = outputs_[id.graph];
    run_task(
        problem(), id, producers, [&](std::size_t i) { return outputs.of(id.step - 1, producers[i]); },
        outputs.of(id.step, id.point), state_of(worker));
  }

  void run(std::int64_t first, std::int64_t /*steps*/) override {
    base_ = first;
    arena_.execute([&] {
      for (Node* n : sources_) n->try_put({});
      graph_->wait_for_all();
    });
  }

  // by itself it takes no more threads than the caller is bound to processors when it starts
  oneapi::tbb::global_control allowed_;
  oneapi::tbb::task_arena arena_;
  Pinner pinner_;
  std::vector<Outputs> outputs_;  // by graph
  std::unique_ptr<flow::graph> graph_;
  std::deque<Node> nodes_;
  std::vector<Node*> sources_;
  std::int64_t first_ = 0;  // of the run that the nodes were made for
  std::int64_t steps_ = 0;
  std::int64_t base_ = 0;  // first step of the present run
};

}  // namespace

std::unique_ptr<System> make_tbb_system(const Problem& problem, std::uint32_t workers,
                                        const std::vector<int>& cores) {
  return std::make_unique<TbbSystem>(problem, workers, cores);
}

}  // namespace metg
