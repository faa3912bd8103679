// The messages of one graph through MPI.
#pragma once

#include <memory>
#include <vector>

#include "runtime/comm/mpi_library.hpp"
#include "runtime/comm/transport.hpp"

namespace tutti::mpi {

/// On a duplicate of `control`. Collective; the caller holds the lock of `library`.
std::unique_ptr<Messages> open_messages(std::shared_ptr<Library> library, MPI_Comm control,
                                        const std::vector<MessageSpec>& specs);

}  // namespace tutti::mpi
