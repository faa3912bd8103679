#include "miniapps/cg/solver.hpp"

#include <cmath>

#include "kernels/stencil.hpp"

using namespace tutti;

void LinearSystem::record_product(Recorder& r, const Vector<double>& x, const Vector<double>& y,
                                  const Scalar<double>* xy) const {
  const double n = kernels::entries_per_row(a);
  const auto record = [&](const auto& matrix, const Kernel& plain, const Kernel& with_dot) {
    if (xy == nullptr)
      r.each(a.rows(), plain, read(matrix), read(x, columns(matrix)), write(y));
    else
      r.reduce(a.rows(), with_dot, sum(*xy), read(matrix), read(x, columns(matrix)), write(y));
  };
  if (dia)
    record(*dia, kernels::spmv_dia(n), kernels::spmv_dot_dia(n));
  else if (sell)
    record(*sell, kernels::spmv_sell(n), kernels::spmv_dot_sell(n));
  else
    record(a, kernels::spmv(n), kernels::spmv_dot(n));
}

Solver::Solver(Runtime& rt, const LinearSystem& system, Preconditioner* preconditioner)
    : rt_(rt),
      system_(system),
      preconditioner_(preconditioner),
      r_(system.a.rows(), "r"),
      rr_(rt, "rr"),
      bb_(rt, "bb"),
      limit_(rt, "limit"),
      first_step_(rt, "first step") {}

void Solver::record(double tolerance, std::int64_t max_iterations) {
  tolerance_ = tolerance;
  const Rows lists(rt_, rt_.ranks() * max_iterations, max_iterations);  // one for each rank
  squares_.emplace(lists, "squares");
  const Rows& rows = system_.a.rows();
  const double n = kernels::entries_per_row(system_.a);
  start_ = rt_.record("start", [&](Recorder& r) {
    r.each(rows, kernels::fill(0), write(system_.x));
    r.each(rows, kernels::residual(n), read(system_.a), read(system_.x, columns(system_.a)), read(system_.b),
           write(r_));
    r.reduce(rows, kernels::norm2(), sum(rr_), read(r_));
    r.reduce(rows, kernels::norm2(), sum(bb_), read(system_.b));
    record_start(r);
  });
  iteration_ = rt_.record("iteration", [&](Recorder& r) {
    r.each(lists, kernels::note(), read(rr_), read(step_number), read(first_step_), update(*squares_));
    record_iteration(r);
    r.stop_when(kernels::not_above(), read(rr_), read(limit_));
  });
}

void Solver::start() {
  start_->run(1);
  first_step_.set(iteration_->steps_done());
  limit_.set(tolerance_ > 0 ? tolerance_ * tolerance_ * bb_.get() : -1);
}

std::vector<double> Solver::history() const {
  std::vector<double> history{1.0};
  const auto n = static_cast<std::size_t>(iterations());
  if (n == 0) return history;
  std::vector<double> squares(squares_->block().begin() + 1, squares_->block().begin() + n);
  squares.push_back(rr_.get());
  for (const double rr : squares) history.push_back(std::sqrt(rr) / std::sqrt(bb_.get()));
  return history;
}

double Solver::flops_per_iteration() const {
  const double vectors = 6 * 2 * static_cast<double>(system_.a.rows().size());
  const double product = 2 * static_cast<double>(system_.a.entries());
  return vectors + product + (preconditioner_ ? preconditioner_->flops() : 0);
}

namespace {

class Cg : public Solver {
 public:
  Cg(Runtime& rt, const LinearSystem& system, Preconditioner* preconditioner, double tolerance,
     std::int64_t max_iterations)
      : Solver(rt, system, preconditioner),
        z_(system.a.rows(), "z"),
        p_(system.a.rows(), "p"),
        q_(system.a.rows(), "q"),
        rz_(rt, "rz"),
        rz_before_(rt, "rz before"),
        pq_(rt, "pq"),
        alpha_(rt, "alpha"),
        beta_(rt, "beta") {
    record(tolerance, max_iterations);
  }

 private:
  // before the first iteration p = 0 and rz = 0, which makes beta 0
  void record_start(Recorder& r) override {
    r.each(system_.a.rows(), kernels::fill(0), write(p_));
    r.compute(kernels::constant(0), write(rz_));
  }

  void record_iteration(Recorder& r) override {
    const Rows& rows = system_.a.rows();
    r.compute(kernels::same(), read(rz_), write(rz_before_));
    const Vector<double>& z = preconditioner_ ? z_ : r_;
    if (preconditioner_)
      preconditioner_->apply(r, r_, z_, &rz_);
    else
      r.compute(kernels::same(), read(rr_), write(rz_));
    r.compute(kernels::quotient_or_zero(), read(rz_), read(rz_before_), write(beta_));
    r.each(rows, kernels::xpby(), read(z), read(beta_), update(p_));
    system_.record_product(r, p_, q_, &pq_);
    r.compute(kernels::quotient(), read(rz_), read(pq_), write(alpha_));
    r.reduce(rows, kernels::cg_update(), sum(rr_), read(alpha_), read(p_), read(q_), update(system_.x),
             update(r_));
  }

  Vector<double> z_, p_, q_;
  Scalar<double> rz_, rz_before_, pq_, alpha_, beta_;
};

class PipelinedCg : public Solver {
 public:
  PipelinedCg(Runtime& rt, const LinearSystem& system, Preconditioner* preconditioner, double tolerance,
              std::int64_t max_iterations)
      : Solver(rt, system, preconditioner),
        u_(vector("u")),
        w_(vector("w")),
        m_(vector("m")),
        n_(vector("n")),
        z_(vector("z")),
        q_(vector("q")),
        s_(vector("s")),
        p_(vector("p")),
        gamma_(rt, "gamma"),
        gamma_before_(rt, "gamma before"),
        delta_(rt, "delta"),
        alpha_(rt, "alpha"),
        beta_(rt, "beta") {
    record(tolerance, max_iterations);
  }

 private:
  Vector<double> vector(const std::string& label) const { return {system_.a.rows(), label}; }

  void record_start(Recorder& r) override {
    const Rows& rows = system_.a.rows();
    for (const Vector<double>* v : {&z_, &q_, &s_, &p_, &u_}) r.each(rows, kernels::fill(0), write(*v));
    if (preconditioner_)
      preconditioner_->apply(r, r_, u_, nullptr);
    else
      r.each(rows, kernels::residual(kernels::entries_per_row(system_.a)), read(system_.a),
             read(system_.x, columns(system_.a)), read(system_.b), write(u_));
    system_.record_product(r, u_, w_);
    r.compute(kernels::constant(0), write(gamma_));
    r.compute(kernels::constant(1), write(alpha_));
  }

  // gamma and delta are needed by the update at the end; M w and A m need neither
  void record_iteration(Recorder& r) override {
    const Rows& rows = system_.a.rows();
    r.compute(kernels::same(), read(gamma_), write(gamma_before_));
    r.reduce(rows, kernels::dot(), sum(gamma_), read(r_), read(u_));
    r.reduce(rows, kernels::dot(), sum(delta_), read(w_), read(u_));
    const Vector<double>& m = preconditioner_ ? m_ : w_;
    if (preconditioner_) preconditioner_->apply(r, w_, m_, nullptr);
    system_.record_product(r, m, n_);
    r.compute(kernels::quotient_or_zero(), read(gamma_), read(gamma_before_), write(beta_));
    r.compute(kernels::pipelined_alpha(), read(gamma_), read(delta_), read(beta_), read(alpha_),
              write(alpha_));
    r.reduce(rows, kernels::pipelined_update(), sum(rr_), read(alpha_), read(beta_), read(n_), read(m),
             update(z_), update(q_), update(s_), update(p_), update(system_.x), update(r_), update(u_),
             update(w_));
  }

  Vector<double> u_, w_, m_, n_, z_, q_, s_, p_;
  Scalar<double> gamma_, gamma_before_, delta_, alpha_, beta_;
};

}  // namespace

std::unique_ptr<Solver> make_cg(Runtime& rt, const LinearSystem& system, Preconditioner* preconditioner,
                                double tolerance, std::int64_t max_iterations) {
  return std::make_unique<Cg>(rt, system, preconditioner, tolerance, max_iterations);
}

std::unique_ptr<Solver> make_pipelined_cg(Runtime& rt, const LinearSystem& system,
                                          Preconditioner* preconditioner, double tolerance,
                                          std::int64_t max_iterations) {
  return std::make_unique<PipelinedCg>(rt, system, preconditioner, tolerance, max_iterations);
}
