// Recording: what an application says about one step. The result is plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/data/collection.hpp"
#include "runtime/data/kernel.hpp"

namespace tutti {

enum class OperationKind : std::uint8_t { each, reduce, compute, stop_when };

/// One recorded operation. `accesses` match `kernel.parameters` one to one; what the kernel returns goes to
/// `reduction.target` (reduce), `target` (compute) or decides (stop_when).
struct Operation {
  OperationKind kind = OperationKind::each;
  Kernel kernel;
  std::shared_ptr<const Layout> space;  ///< each and reduce
  std::vector<Access> accesses;
  Reduction reduction;
  std::shared_ptr<Name> target;
  std::int64_t lag = 0;
};

/// An entry of a recorded body: an operation, or an exchange of two names.
struct Statement {
  Operation operation;
  std::shared_ptr<Name> swap_a;  ///< if set, the statement is a swap
  std::shared_ptr<Name> swap_b;
};

/// What one call of `record` collects: for each phase, its statements in program order.
struct Record {
  std::string name;
  std::vector<std::vector<Statement>> phases;
  std::uint64_t hash() const;  ///< equal on all ranks that recorded the same
};

/// Collects the operations of one phase. Throws Error(usage) naming the operation, the argument and both
/// types when a call does not fit its kernel.
class Recorder {
 public:
  explicit Recorder(std::string graph_name) : graph_name_(std::move(graph_name)) {}

  /// One task per tile of the space (a Grid, Rows).
  template <class... A>
  void each(const Space& space, const Kernel& kernel, A... accesses) {
    add_each(space, kernel, {std::move(accesses)...});
  }
  /// One value per tile, combined into a scalar: r.reduce(space, kernel, sum(s), read(u)). The kernel may
  /// write fields and vectors, too.
  template <class... A>
  void reduce(const Space& space, const Kernel& kernel, const Reduction& reduction, A... accesses) {
    add_reduce(space, kernel, reduction, {std::move(accesses)...});
  }
  /// Scalar arithmetic, done by every rank: r.compute(f, read(a), read(b), write(c)); f returns c. A function
  /// is called on the host; a Kernel may run on a device that has a body for it.
  template <class F, class... A>
  void compute(F f, A... accesses) {
    add_compute(scalar_kernel("compute", std::move(f)), {std::move(accesses)...});
  }
  /// Exchanges what two names refer to, from here on.
  template <class T>
  void swap(const T& a, const T& b) {
    add_swap(a.name(), b.name());
  }
  struct Lag {
    std::int64_t steps;
  };
  /// Ends the run after this step if f returns true: r.stop_when(f, read(rr)). With `lag` m, the decision of
  /// step k takes effect after step k + m, so m steps may overlap with deciding. f: as for compute().
  template <class F, class... A>
  void stop_when(F f, A... accesses) {
    stop_when(Lag{0}, std::move(f), std::move(accesses)...);
  }
  template <class F, class... A>
  void stop_when(Lag lag, F f, A... accesses) {
    add_stop(scalar_kernel("stop_when", std::move(f)), {std::move(accesses)...}, lag.steps);
  }

  std::vector<Statement> take() { return std::move(statements_); }

 private:
  void add_each(const Space& space, const Kernel& kernel, std::vector<Access> accesses);
  void add_reduce(const Space& space, const Kernel& kernel, const Reduction& reduction,
                  std::vector<Access> accesses);
  void add_compute(Kernel kernel, std::vector<Access> accesses);
  void add_swap(const std::shared_ptr<Name>& a, const std::shared_ptr<Name>& b);
  void add_stop(Kernel kernel, std::vector<Access> accesses, std::int64_t lag);

  template <class F>
  static Kernel scalar_kernel(const char* name, F f) {
    if constexpr (std::is_same_v<F, Kernel>) {
      return f;
    } else {
      Kernel kernel = make_kernel(name, std::move(f));
      kernel.functor_type = nullptr;  // it may know things of the host
      return kernel;
    }
  }

  std::string graph_name_;
  std::vector<Statement> statements_;
};

inline Recorder::Lag lag(std::int64_t steps) { return {steps}; }

}  // namespace tutti
