// GoogleTest on several ranks: every rank runs all tests in the same order. Rank 0 prints; a failure on any
// rank ends the job.
#pragma once

#include <memory>

#include "runtime/comm/transport.hpp"

namespace tutti {

/// The transport of the program, alive for all tests; so MPI is not finalised between them.
const std::shared_ptr<Transport>& job_transport();

}  // namespace tutti
