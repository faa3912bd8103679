// Pass 1, unroll: from a record to a program, a cyclic list of operations on stores.
//
// `swap` permutes names. The body is repeated until every name is back at its store; from then on the
// operations of copy j always touch the same memory. One copy is one recorded step.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/graph/recorder.hpp"

namespace tutti {

struct BoundOperation {
  const Operation* operation = nullptr;  ///< owned by Program::record
  std::uint32_t statement = 0;           ///< number within the record, over all phases
  std::uint32_t copy = 0;                ///< the step of the cycle it belongs to
  std::vector<std::int32_t> stores;      ///< per access: index into Program::stores, -1 for the step number
  std::int32_t target = -1;              ///< store of the result of reduce and compute

  bool writes(std::int32_t store) const;
};

struct Program {
  std::shared_ptr<const Record> record;
  std::vector<std::shared_ptr<Name>> names;
  std::vector<std::shared_ptr<Store>> stores;  ///< stores[i] was behind names[i] when the body was recorded
  std::uint32_t copies = 0;                    ///< steps per cycle
  std::vector<BoundOperation> operations;      ///< in program order
  /// binding[j][i]: the store behind names[i] before copy j; j = copies equals j = 0.
  std::vector<std::vector<std::int32_t>> binding;

  /// The first copy at or after `preferred` (cyclically) whose binding is the names' present one. Throws
  /// Error(usage) if another graph left the names in an order that this one never has.
  std::uint32_t entry(std::uint32_t preferred) const;
  /// Lets every name refer to its store before copy j.
  void bind_names(std::uint32_t copy) const;
};

Program unroll(std::shared_ptr<const Record> record);

}  // namespace tutti
