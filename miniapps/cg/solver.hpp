// Conjugate gradients, recorded once as one iteration that is replayed until the residual is small.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tutti/tutti.hpp>

#include "kernels/sparse.hpp"
#include "miniapps/cg/preconditioner.hpp"

/// A x = b, with what is needed to work on it. Handles: copies name the same data.
struct LinearSystem {
  tutti::SparseMatrix<double> a;
  std::optional<tutti::SellMatrix<double>> sell;  ///< if set, products use it
  std::optional<tutti::DiaMatrix<double>> dia;    ///< or this
  tutti::Vector<double> x;
  tutti::Vector<double> b;

  /// y = A x, and the sum of x . y if there is a scalar for it.
  void record_product(tutti::Recorder& r, const tutti::Vector<double>& x, const tutti::Vector<double>& y,
                      const tutti::Scalar<double>* xy = nullptr) const;
};

/// The methods. All start from x = 0 and stop after the iteration in which |r|^2 <= tolerance^2 |b|^2 (or is
/// not a number), where r is the residual as the recurrence has it.
class Solver {
 public:
  virtual ~Solver() = default;
  /// Back to x = 0.
  void start();
  /// One iteration, to be run as often as wanted.
  tutti::Graph& iteration() { return *iteration_; }
  /// |r| / |b| before the first and after each iteration since start().
  std::vector<double> history() const;
  std::int64_t iterations() const { return iteration_->steps_done() - first_step_.get(); }
  /// Operations of one iteration as HPCG counts them.
  double flops_per_iteration() const;

 protected:
  Solver(tutti::Runtime& rt, const LinearSystem& system, Preconditioner* preconditioner);
  /// Records both graphs; for the end of constructors.
  void record(double tolerance, std::int64_t max_iterations);
  /// What start() does after x = 0, r = b.
  virtual void record_start(tutti::Recorder&) {}
  /// One iteration up to and including rr = |r|^2.
  virtual void record_iteration(tutti::Recorder&) = 0;

  tutti::Runtime& rt_;
  LinearSystem system_;
  Preconditioner* preconditioner_;  // null: none
  tutti::Vector<double> r_;
  tutti::Scalar<double> rr_;

 private:
  tutti::Scalar<double> bb_;     // |b|^2
  tutti::Scalar<double> limit_;  // of |r|^2
  tutti::Scalar<std::int64_t> first_step_;
  std::optional<tutti::Vector<double>> squares_;  // |r|^2 before each iteration since first_step_
  double tolerance_ = 0;
  std::optional<tutti::Graph> start_;
  std::optional<tutti::Graph> iteration_;
};

/// (Preconditioned) conjugate gradients (Saad, Iterative Methods for Sparse Linear Systems, algorithm 9.1).
std::unique_ptr<Solver> make_cg(tutti::Runtime& rt, const LinearSystem& system,
                                Preconditioner* preconditioner, double tolerance,
                                std::int64_t max_iterations);
/// Pipelined conjugate gradients (kernels::pipelined_update): the sums of an iteration are formed while its
/// preconditioner and product run.
std::unique_ptr<Solver> make_pipelined_cg(tutti::Runtime& rt, const LinearSystem& system,
                                          Preconditioner* preconditioner, double tolerance,
                                          std::int64_t max_iterations);
