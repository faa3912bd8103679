// How a loop of steps counts, on the device: kernels on one StepLoop in its memory. A loop has a piece for
// each copy of the cycle; the last thing that a piece does is end_of_step.
#pragma once

#include <cstdint>

#include "runtime/data/kernel.hpp"

namespace tutti {

struct StepLoop {
  static constexpr const char* element_name = "step_loop";
  std::int64_t step = 0;   ///< the next one
  std::int64_t copy = 0;   ///< of the cycle, that it is
  std::int64_t limit = 0;  ///< one past the last step of the run; falls when a stop_when ends it
  std::int64_t pause = 0;  ///< before this step the host wants to be asked
  std::int64_t next = -1;  ///< what Device::make_loop looks at: the copy, or -1 for the end

  TUTTI_FUNCTION void choose() { next = step < limit && step < pause ? copy : -1; }
};

/// Before a loop is launched: it may do so many steps more.
struct ResumeSteps {
  std::int64_t steps;
  TUTTI_FUNCTION void operator()(InOut<StepLoop> loop) const {
    loop.data->pause = loop.data->step + steps;
    loop.data->choose();
  }
};

/// Takes the decisions of the step's stop_when, whose lags are given: as StepGate::decide does on the host.
struct EndOfStep {
  std::int64_t copies;
  TUTTI_FUNCTION void operator()(In<std::uint64_t> decisions, In<std::int64_t> lags,
                                 InOut<StepLoop> loop) const {
    StepLoop& l = *loop.data;
    for (std::int64_t i = 0; i < decisions.extent(2); ++i) {
      const std::int64_t last = l.step + lags.data[i];
      if (decisions.data[i] != 0 && last + 1 < l.limit) l.limit = last + 1;
    }
    ++l.step;
    l.copy = (l.copy + 1) % copies;
    l.choose();
  }
};

inline Kernel resume_steps(std::int64_t steps) { return make_kernel("resume_steps", ResumeSteps{steps}); }
inline Kernel end_of_step(std::int64_t copies) { return make_kernel("end_of_step", EndOfStep{copies}); }

}  // namespace tutti
