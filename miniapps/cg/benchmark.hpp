// The procedure of the HPCG benchmark (Heroux, Dongarra and Luszczek, HPCG technical specification, SAND2013-
// 8752; rules as in its reference code, version 3.1).
#pragma once

#include <tutti/tutti.hpp>

#include "miniapps/cg/cg_options.hpp"

/// Runs the procedure and fills the report:
/// 1. The reference: conjugate gradients with multigrid, in which each rank sweeps through its part of the
///    grid in natural order (one tile per rank), 50 iterations. Its |r| / |b| is what has to be reached.
/// 2. Tests: symmetry of matrix and preconditioner, and the number of iterations with a diagonal that leaves
///    few clusters of eigenvalues (at most 12 plain, 2 preconditioned).
/// 3. The problem in small tiles, iterated until it reaches the reference's residual.
/// 4. As many timed sets of so many iterations as fill `benchmark_s` seconds, with the same bits in each.
/// Figures of merit, in GFLOP/s, all with HPCG's counts of operations:
///   raw_gflops     all iterations done, over their time
///   rating_gflops  50 iterations a set, however many it took, over the time of the sets and, for each set, a
///                  tenth of the time to make the problem and to optimise it (other formats, recording)
void run_benchmark(tutti::Runtime& rt, const CgOptions& opt, tutti::Report& report);
