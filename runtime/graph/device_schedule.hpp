// Pass 5, for ranks that compute on a device: from the dataflow of tiles to that of stages.
//
// A stage is what is put on a stream at once: launches over many tiles, copies and packing, in this order.
// Tiles that need values of other ranks are launched apart from those that do not, so that messages travel
// meanwhile. What only the host can do (messages, what has no body for the device) is a stage, too. The pass
// knows where each store has valid values, and adds a copy where a stage needs them elsewhere, and nowhere
// else. Pure, as the passes before it.
//
// Scalars are computed where they are: on the device if all that is read is there. So is a reduction's
// result, where the rank has all tiles. A stop_when is decided on the device where the whole cycle is the
// device's and it has loops; else on the host.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/graph/dataflow.hpp"

namespace tutti {

/// A set of places.
using Sides = std::uint8_t;
inline constexpr Sides on_host = 1;
inline constexpr Sides on_device = 2;

struct DeviceAction {
  enum class Kind : std::uint8_t {
    launch,    ///< `nodes`: tiles of one operation, or a scalar operation
    upload,    ///< the values of `store` to the device
    download,  ///< and back
    pack,      ///< message `payload`: into its staging on the host
    unpack,    ///< and out of it
    copy,      ///< local copy `payload`, on the device
    partials,  ///< the values of the tiles of reduction `operation` to the host
    combine,   ///< or into one on the device
  } kind = Kind::launch;
  std::uint32_t operation = 0;
  std::vector<std::uint32_t> nodes{};
  std::int32_t store = -1;
  std::uint32_t payload = 0;
};

struct Stage {
  enum class Kind : std::uint8_t {
    device,   ///< `actions`, in order
    perform,  ///< `nodes`, by the host; they are independent of each other. A message starts afterwards.
    start,    ///< starts messages `nodes`
  } kind = Kind::device;
  std::uint32_t copy = 0;       ///< the step of the cycle it belongs to
  bool transfers = false;       ///< it packs or unpacks messages
  std::uint32_t operation = 0;  ///< the first one it belongs to
  std::vector<DeviceAction> actions{};
  std::vector<std::uint32_t> nodes{};
  std::vector<std::uint32_t> awaits{};  ///< messages that have arrived, or whose staging is free
};

struct DeviceSchedule {
  std::vector<Stage> stages;
  /// Nodes are stages; edges between them as between nodes of a plan.
  Dataflow flow;
  std::vector<bool> message_on_device;  ///< by message: it is packed and unpacked there
  /// needed[copy][store]: where a run that enters at this copy must find valid values.
  std::vector<std::vector<Sides>> needed;
  struct Change {
    std::int32_t store = 0;
    Sides valid = 0;
  };
  /// Where values are valid after each of these, in order of program; by copy.
  std::vector<std::vector<Change>> changes;
  std::vector<bool> used_on_device;  ///< by store
  bool decides = false;              ///< the device takes the decisions of stop_when: it runs the loop

  /// No stage of the cycle is the host's: it need not look before the next cycle.
  bool device_alone() const;
};

/// `has_body` says which kernels the device has. `nodes` of the result are those of `flow`.
DeviceSchedule schedule_for_device(const Program& program, const Dataflow& flow,
                                   const std::function<bool(const Kernel&)>& has_body, bool has_loops);

}  // namespace tutti
