// The border to the network: what a runtime needs from MPI, or from n simulated ranks in one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/ids.hpp"

namespace tutti {

using Bytes = std::vector<std::byte>;

/// One direction of one recorded message of a graph: fixed partner, tag, staging memory and size. The
/// k-th start of a send matches the k-th post of the receive with the same (sender, receiver, tag).
struct MessageSpec {
  RankId partner;
  std::uint32_t tag = 0;  ///< index of the message within the ordered pair of ranks
  std::byte* staging = nullptr;
  std::uint64_t bytes = 0;
  bool sending = false;
  /// Where the user of the messages looks for the staging. If it is not null, the transport may put memory of
  /// its own there, before the first start and before it reports a completion, and saves a copy.
  std::byte** place = nullptr;
  /// The staging is memory of a device, at both ends. Only where refuses_device_memory() is empty.
  bool on_device = false;
};

/// The messages of one graph. Thread-safe as marked. start and progress never block.
class Messages {
 public:
  /// Cancels receives that are still posted. Returns once the sends under way no longer need their staging
  /// (at once if progress() has reported them all; not while an exception unwinds). Opens no communication,
  /// so ranks need not do it at the same moment.
  virtual ~Messages() = default;

  /// Starts message `index` (position in the specs). A send may overwrite its staging and be started again
  /// once it is complete: at once if this returns true, else when progress() has reported it. A receive
  /// returns false; it has its bytes in staging, and may be started again, once progress() has reported it.
  /// Any thread; may defer the work to progress(). A send waits for its receiver in every 64th start at
  /// least.
  virtual bool start(std::uint32_t index) = 0;

  /// Makes progress if no other thread is doing so, and appends to `done` the messages that completed.
  /// Every completion that start() did not return is reported to exactly one caller. Returns false if another
  /// thread held the lock.
  virtual bool progress(std::vector<std::uint32_t>& done) = 0;

  /// True if receive `index` was started and is complete: its report, as that of progress(). Cheap, for one
  /// who waits for this message alone: others still need progress(), and what is false here that may know.
  virtual bool test(std::uint32_t /*index*/) { return false; }
};

/// Communication between the ranks of a job. All functions but the data plane's are collective: every rank
/// calls them in the same order, from one thread, outside replays.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual RankId rank() const = 0;
  virtual std::uint32_t ranks() const = 0;
  /// Ranks that share this rank's memory and cores, this rank included.
  virtual std::uint32_t ranks_on_node() const = 0;
  /// For reports: library, thread level, and how messages travel.
  virtual std::string description() const = 0;
  /// Throws Error where so many threads of a rank cannot share the transport.
  virtual void check_workers(std::uint32_t /*workers*/) const {}
  /// Whether graphs opened from now on send messages between ranks of a node through shared memory, where
  /// the transport and the system can; they do unless told otherwise. Collective.
  virtual void share_memory(bool /*wanted*/) {}
  /// Why messages must not lie in memory of a device; empty if this transport says that they may.
  virtual std::string refuses_device_memory() const { return "its transport is for memory of the host"; }

  virtual void barrier() = 0;
  virtual double max(double value) = 0;
  virtual std::uint64_t max(std::uint64_t value) = 0;
  virtual std::uint64_t min(std::uint64_t value) = 0;
  virtual std::uint64_t sum(std::uint64_t value) = 0;  ///< modulo 2^64
  /// Everybody's bytes, by rank.
  virtual std::vector<Bytes> gather_all(const Bytes& mine) = 0;
  /// Sparse exchange: sends each entry to its rank, returns what arrived, by sender. Cost grows with the
  /// number of partners, not of ranks.
  virtual std::map<RankId, Bytes> exchange(const std::map<RankId, Bytes>& outgoing) = 0;
  /// Opens the data plane of one graph. Collective.
  virtual std::unique_ptr<Messages> open(std::vector<MessageSpec> specs) = 0;
  /// Ends all ranks with this exit status, at once.
  [[noreturn]] virtual void abort(int status) = 0;
};

/// The transport of this program: MPI if it was built in and the program was started by a launcher (or a
/// single MPI rank), else one rank by itself. Initialises MPI unless the program has; the last owner
/// finalises it.
std::shared_ptr<Transport> make_transport(int& argc, char**& argv);

/// n ranks inside one process, for tests: element r belongs to rank r, each used by its own thread.
/// `max_tag`-checked and FIFO like MPI; a collective that not all ranks enter blocks.
std::vector<std::shared_ptr<Transport>> make_local_transports(std::uint32_t ranks);

}  // namespace tutti
