// The bulk schedule: the same plan, walked in program order. Each operation is one OpenMP parallel loop over
// its tiles, with the loop's barrier behind it and a blocking exchange before it. It is what most MPI +
// OpenMP programs do, and the comparison for the tasks schedule.
#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <vector>

#include <omp.h>
#include <sched.h>

#include "runtime/error.hpp"
#include "runtime/exec/executor.hpp"

namespace tutti {
namespace {

class BulkExecutor : public Executor {
 public:
  BulkExecutor(const ExecutorContext& c, bool whole_blocks)
      : plan_(c.plan),
        gate_(c.gate),
        messages_(c.messages),
        oversubscribed_(c.oversubscribed),
        whole_blocks_(whole_blocks),
        profile_(c.profile),
        lengths_(c.plan.nodes.size(), Length::a_while) {
    for (std::uint32_t w = 0; w < plan_.workers; ++w) meters_.emplace_back(c.profile, w, c.trace, c.graph);
    done_.assign(plan_.messages.size(), false);
    for (std::size_t m = 0; m < done_.size(); ++m)
      done_[m] = plan_.messages[m].spec.sending;  // buffers are free
    scratch_.reserve(plan_.messages.size());
    if (whole_blocks_) add_block_arguments();
  }

  void enter(std::uint32_t copy, std::int64_t step) override {
    copy_ = copy;
    step_ = step;
  }

  void execute() override {
    check_team();
    const std::uint64_t begin = ticks();
    const std::vector<WorkerTime> before = profile_.workers;
    for (; step_ < gate_.limit(); ++step_, copy_ = (copy_ + 1) % plan_.copies_per_cycle())
      for (std::uint32_t first = plan_.first_node[copy_]; first < plan_.first_node[copy_ + 1];) {
        std::uint32_t last = first + 1;
        while (last < plan_.first_node[copy_ + 1] && alike(plan_.nodes[first], plan_.nodes[last])) ++last;
        run_group(first, last);
        first = last;
        count_.fetch_add(1, std::memory_order_relaxed);
      }
    for (std::uint32_t m = 0; m < plan_.messages.size(); ++m)
      if (plan_.messages[m].spec.sending) wait_for(m);
    add_idle_time(before, ticks() - begin);
  }

  std::uint64_t progress_count() const override { return count_.load(std::memory_order_relaxed); }
  std::string explain() const override {
    return "it is at " + plan_.describe(NodeId{current_.load(std::memory_order_relaxed)});
  }

 private:
  void check_team() const {
    std::uint32_t team = 1;
#pragma omp parallel num_threads(plan_.workers) if (plan_.workers > 1)
#pragma omp single
    team = static_cast<std::uint32_t>(omp_get_num_threads());
    if (team != plan_.workers) wrong_team(plan_.workers);
  }

  // Outside nodes a worker waits: for the others at a barrier, or for a message.
  void add_idle_time(const std::vector<WorkerTime>& before, std::uint64_t elapsed) {
    for (std::uint32_t w = 0; w < plan_.workers; ++w) {
      WorkerTime& time = profile_.workers[w];
      const std::uint64_t inside =
          time.useful - before[w].useful + time.communication - before[w].communication;
      time.idle += elapsed - std::min(elapsed, inside);
    }
  }

  static bool alike(const PlanNode& a, const PlanNode& b) {
    return a.kind == b.kind && a.operation == b.operation;
  }

  // Nodes of one kind and operation are independent of each other.
  void run_group(std::uint32_t first, std::uint32_t last) {
    current_.store(first, std::memory_order_relaxed);
    switch (plan_.nodes[first].kind) {
      case NodeKind::send:
      case NodeKind::receive:
        for (std::uint32_t n = first; n < last; ++n) wait_for(plan_.nodes[n].payload);
        in_parallel(first, last);
        for (std::uint32_t n = first; n < last; ++n) {
          done_[plan_.nodes[n].payload] = messages_.start(plan_.nodes[n].payload);
        }
        return;
      case NodeKind::run:
        if (whole_blocks_ && plan_.operation_of(plan_.nodes[first]).kind == OperationKind::each)
          run_block(first);
        else
          in_parallel(first, last);
        return;
      default:
        in_parallel(first, last);
    }
  }

  void in_parallel(std::uint32_t first, std::uint32_t last) {
#pragma omp parallel for num_threads(plan_.workers) schedule(static) if (last - first > 1)
    for (std::uint32_t n = first; n < last; ++n)
      run_node(n, WorkerId{static_cast<std::uint32_t>(omp_get_thread_num())});
    if (thrown_) rethrow_from(plan_, NodeId{failed_node_}, step_, thrown_);
  }

  void run_node(std::uint32_t n, WorkerId worker) {
    PlanNode& node = plan_.nodes[n];
    node.task.step = step_;
    Meter& meter = meters_[worker.index()];
    const std::uint64_t begin = meter.begin(lengths_[n]);
    try {
      if (perform(plan_, node, worker)) gate_.decide(node, step_, true);
      if (begin != 0) lengths_[n] = meter.end(begin, n, node.kind, step_);
    } catch (...) {
      const std::lock_guard lock(failure_);
      if (!thrown_) {
        thrown_ = std::current_exception();
        failed_node_ = n;
      }
    }
  }

  // -- messages
  // -----------------------------------------------------------------------------------------------

  void wait_for(std::uint32_t message) {
    while (!done_[message]) {
      scratch_.clear();
      messages_.progress(scratch_);
      for (const std::uint32_t m : scratch_) done_[m] = true;
      if (scratch_.empty() && oversubscribed_) sched_yield();
    }
  }

  // -- whole blocks
  // -------------------------------------------------------------------------------------------

  // For each operation on tiles: its arguments with all of the rank's cells at once.
  void add_block_arguments() {
    const Program& program = *plan_.program;
    for (const BoundOperation& bound : program.operations) {
      auto& arguments = block_arguments_.emplace_back();
      const Operation& op = *bound.operation;
      if (op.kind != OperationKind::each) continue;
      if (!op.kernel.kokkos)
        usage_error("graph '{}', operation '{}': the kernel has no Kokkos body; use --schedule tasks or bulk",
                    program.record->name, op.kernel.name);
      for (const std::int32_t s : bound.stores) {
        Argument a;
        if (s < 0) {
          a.data = &step_;
        } else {
          const Store& store = *program.stores[static_cast<std::size_t>(s)];
          if (store.is_scalar())
            a.data = store.value();
          else
            a = store.block();
        }
        arguments.push_back(a);
      }
    }
  }

  void run_block(std::uint32_t first) {
    const PlanNode& node = plan_.nodes[first];
    const Operation& op = plan_.operation_of(node);
    Task task = node.task;
    task.step = step_;
    task.box = op.space->block(plan_.rank);
    try {
      op.kernel.kokkos(op.kernel, task, block_arguments_[node.operation].data());
    } catch (...) {
      rethrow_from(plan_, NodeId{first}, step_, std::current_exception());
    }
  }

  Plan& plan_;
  StepGate& gate_;
  Messages& messages_;
  bool oversubscribed_;
  bool whole_blocks_;
  Profile& profile_;
  std::vector<Meter> meters_;    // by worker
  std::vector<Length> lengths_;  // by node, as last measured
  std::uint32_t copy_ = 0;
  std::int64_t step_ = 0;
  std::vector<bool> done_;  // by message: arrived, or its buffer free
  std::vector<std::uint32_t> scratch_;
  std::vector<std::vector<Argument>> block_arguments_;  // by operation
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint32_t> current_{0};
  std::mutex failure_;
  std::exception_ptr thrown_;
  std::uint32_t failed_node_ = 0;
};

}  // namespace

std::unique_ptr<Executor> make_bulk_executor(const ExecutorContext& context, bool whole_blocks) {
  return std::make_unique<BulkExecutor>(context, whole_blocks);
}

}  // namespace tutti
