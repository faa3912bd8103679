#include "runtime/graph/program.hpp"

#include <algorithm>
#include <unordered_map>

#include "runtime/error.hpp"

namespace tutti {
namespace {

constexpr std::uint32_t max_copies = 5040;

class Unroller {
 public:
  explicit Unroller(std::shared_ptr<const Record> record) { program_.record = std::move(record); }

  Program run() {
    collect_names();
    const auto identity = binding_;
    do {
      std::uint32_t statement = 0;
      for (const auto& phase : program_.record->phases) {
        program_.binding.push_back(binding_);
        for (const Statement& s : phase) add(s, statement++);
        ++program_.copies;
      }
      if (program_.copies > max_copies)
        usage_error("graph '{}': the swaps need more than {} steps to put the names back in place",
                    program_.record->name, max_copies);
    } while (binding_ != identity);
    program_.binding.push_back(binding_);
    return std::move(program_);
  }

 private:
  void collect_names() {
    for (const auto& phase : program_.record->phases)
      for (const Statement& s : phase) {
        for (const Access& a : s.operation.accesses) index(a.name);
        index(s.operation.reduction.target);
        index(s.operation.target);
        index(s.swap_a);
        index(s.swap_b);
      }
    for (std::size_t i = 0; i < program_.names.size(); ++i) binding_.push_back(static_cast<std::int32_t>(i));
  }

  std::int32_t index(const std::shared_ptr<Name>& name) {
    if (!name) return -1;
    const auto [it, is_new] = numbers_.emplace(name.get(), static_cast<std::int32_t>(program_.names.size()));
    if (is_new) {
      program_.names.push_back(name);
      program_.stores.push_back(name->store);
    }
    return it->second;
  }

  std::int32_t store(const std::shared_ptr<Name>& name) {
    return name ? binding_[static_cast<std::size_t>(index(name))] : -1;
  }

  void add(const Statement& s, std::uint32_t statement) {
    if (s.swap_a) {
      std::swap(binding_[static_cast<std::size_t>(index(s.swap_a))],
                binding_[static_cast<std::size_t>(index(s.swap_b))]);
      return;
    }
    BoundOperation bound{&s.operation, statement, program_.copies, {}, -1};
    for (const Access& a : s.operation.accesses) bound.stores.push_back(store(a.name));
    bound.target =
        store(s.operation.kind == OperationKind::reduce ? s.operation.reduction.target : s.operation.target);
    program_.operations.push_back(std::move(bound));
  }

  Program program_;
  std::unordered_map<const Name*, std::int32_t> numbers_;
  std::vector<std::int32_t> binding_;
};

}  // namespace

bool BoundOperation::writes(std::int32_t store) const {
  if (target == store) return true;
  for (std::size_t i = 0; i < stores.size(); ++i)
    if (stores[i] == store && operation->accesses[i].mode != Mode::read) return true;
  return false;
}

std::uint32_t Program::entry(std::uint32_t preferred) const {
  for (std::uint32_t k = 0; k < copies; ++k) {
    const std::uint32_t copy = (preferred + k) % copies;
    // phases are not interchangeable: only whole bodies may be skipped
    if (k % record->phases.size() != 0) continue;
    bool matches = true;
    for (std::size_t i = 0; i < names.size() && matches; ++i)
      matches = names[i]->store == stores[static_cast<std::size_t>(binding[copy][i])];
    if (matches) return copy;
  }
  usage_error(
      "graph '{}': another graph's swaps left the names in an order in which this one cannot start; swap "
      "them back first",
      record->name);
}

void Program::bind_names(std::uint32_t copy) const {
  for (std::size_t i = 0; i < names.size(); ++i)
    names[i]->store = stores[static_cast<std::size_t>(binding[copy][i])];
}

Program unroll(std::shared_ptr<const Record> record) { return Unroller(std::move(record)).run(); }

}  // namespace tutti
