// What metg needs of the ranks beside the runtime: one file per backend, ranks_mpi.cpp and ranks_alone.cpp.
#pragma once

namespace metg {

/// Rank 0 is busy and will call this; the others wait for it here without using their cores, waking once a
/// millisecond. Collective.
void wait_for_first_rank();

/// Half a round trip of 16 bytes between ranks 0 and 1, ns, the same value on all ranks; 0 with one rank.
/// Collective.
double message_latency_ns();

}  // namespace metg
