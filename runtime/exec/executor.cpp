#include "runtime/exec/executor.hpp"

#include "runtime/error.hpp"

namespace tutti {

void wrong_team(std::uint32_t workers) {
  environment_error(
      "OpenMP gave a team of another size than the {} workers asked for; see OMP_THREAD_LIMIT and "
      "OMP_DYNAMIC",
      workers);
}

void rethrow_from(const Plan& plan, NodeId node, std::int64_t step, const std::exception_ptr& thrown) {
  const std::string place =
      fmt::format("{} at step {} of graph '{}'", plan.describe(node), step, plan.program->record->name);
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& e) {
    throw Error(e.status(), fmt::format("{}: {}", place, e.what()));
  } catch (const std::exception& e) {
    throw Error(Status::environment, fmt::format("{}: {}", place, e.what()));
  } catch (...) {
    throw Error(Status::environment, fmt::format("{}: unknown exception", place));
  }
}

}  // namespace tutti
