#include "runtime/graph/recorder.hpp"

#include <algorithm>
#include <map>

#include "runtime/error.hpp"

namespace tutti {
namespace {

const char* word(Mode m) { return m == Mode::read ? "read" : m == Mode::write ? "write" : "update"; }

const char* word(Shape s) {
  return s == Shape::tiles     ? "tiles(fn)"
         : s == Shape::columns ? "columns(matrix)"
         : s == Shape::whole   ? "whole()"
                               : "a halo";
}

std::string describe(const Parameter& p) {
  std::string text = fmt::format("{} {}{}", word(p.mode), p.type.name, p.scalar ? " scalar" : "");
  if (p.shape == Shape::tiles) return text + " tiles(fn)";
  if (p.shape == Shape::columns) return text + " columns(matrix)";
  if (p.shape == Shape::whole) return text + " whole()";
  if (p.radius > 0) text += fmt::format(" halo({}{})", p.radius, p.shape == Shape::box ? ", corners" : "");
  return text;
}

std::string describe(const Access& a) {
  if (!a.name) return "read int64 scalar";
  Parameter p{a.mode, a.name->type, a.pattern.shape, a.pattern.radius, a.name->store->is_scalar()};
  return describe(p) + " '" + a.name->label + "'";
}

/// Where an operation stands, for messages.
struct Place {
  const std::string& graph;
  const std::string& kernel;
  std::string text() const { return fmt::format("graph '{}', operation '{}'", graph, kernel); }
};

// An access fits if it grants exactly the mode and type, and at least the reach, that the kernel declares.
bool fits(const Parameter& p, const Access& a) {
  if (!a.name) return p.scalar && p.mode == Mode::read && p.type == element_type<std::int64_t>();
  if (p.scalar != a.name->store->is_scalar() || p.mode != a.mode || !(p.type == a.name->type)) return false;
  for (const Shape list : {Shape::tiles, Shape::columns, Shape::whole}) {
    if ((p.shape == list) != (a.pattern.shape == list)) return false;
    if (p.shape == list) return true;
  }
  if (p.radius > a.pattern.radius) return false;
  return p.shape != Shape::box || a.pattern.shape == Shape::box;
}

// What is read through columns(A) lives on A's columns, A's rows are the operation's space, and the kernel
// gets the same A.
void check_columns(const Place& place, std::size_t argument, const Layout& space,
                   const std::vector<Access>& accesses) {
  const Access& a = accesses[argument];
  const ColumnMap& map = *a.pattern.columns;
  if (!(*map.rows == space))
    usage_error("{}, argument {}: the rows of the matrix in columns(matrix) are not the operation's",
                place.text(), argument + 1);
  if (!(*map.columns == *a.name->store->layout()))
    usage_error("{}, argument {}: '{}' does not live on the columns of the matrix", place.text(),
                argument + 1, a.name->label);
  const bool is_given = std::any_of(accesses.begin(), accesses.end(), [&](const Access& m) {
    return m.name && m.name->store->columns() == a.pattern.columns;
  });
  if (!is_given)
    usage_error(
        "{}, argument {}: '{}' is read through the columns of a matrix that is not among the arguments",
        place.text(), argument + 1, a.name->label);
}

void check_accesses(const Place& place, const Kernel& kernel, const Layout* space,
                    const std::vector<Access>& accesses) {
  if (accesses.size() != kernel.parameters.size())
    usage_error("{}: the kernel takes {} argument(s), but {} were given", place.text(),
                kernel.parameters.size(), accesses.size());
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    const Access& a = accesses[i];
    if (!fits(kernel.parameters[i], a))
      usage_error("{}, argument {}: the kernel wants {}, but got {}", place.text(), i + 1,
                  describe(kernel.parameters[i]), describe(a));
    if (!a.name || a.name->store->is_scalar()) continue;
    if (!space) usage_error("{}, argument {}: scalar operations take scalars only", place.text(), i + 1);
    if (a.pattern.shape == Shape::columns) {
      check_columns(place, i, *space, accesses);
      continue;
    }
    if (a.pattern.shape == Shape::whole && !a.name->store->is_whole())
      usage_error("{}, argument {}: whole() reads a Replicated, and '{}' is none", place.text(), i + 1,
                  a.name->label);
    if (a.pattern.shape == Shape::whole || a.pattern.shape == Shape::tiles) continue;
    if (!a.name->store->layout()->fits(*space))
      usage_error("{}, argument {}: '{}' lives on another grid or other rows than the operation",
                  place.text(), i + 1, a.name->label);
    if (a.pattern.radius > space->halo())
      usage_error("{}, argument {}: halo({}) of '{}' exceeds the grid's halo of {}; give the grid that halo",
                  place.text(), i + 1, a.pattern.radius, a.name->label, space->halo());
  }
  for (const Access& a : accesses)
    for (const Access& b : accesses)
      if (a.name && a.name == b.name && a.pattern.shape != Shape::own && b.mode != Mode::read)
        usage_error(
            "{}: '{}' is read through {} and written by the same operation; write to another one and swap",
            place.text(), a.name->label, word(a.pattern.shape));
}

}  // namespace

void Recorder::add_each(const Space& space, const Kernel& kernel, std::vector<Access> accesses) {
  const Place place{graph_name_, kernel.name};
  if (kernel.result.size_bytes != 0)
    usage_error("{}: the kernel returns {}; use reduce", place.text(), kernel.result.name);
  check_accesses(place, kernel, &space.layout(), accesses);
  Operation op{OperationKind::each, kernel, space.shared_layout(), std::move(accesses), {}, {}, 0};
  statements_.push_back({std::move(op), {}, {}});
}

void Recorder::add_reduce(const Space& space, const Kernel& kernel, const Reduction& reduction,
                          std::vector<Access> accesses) {
  const Place place{graph_name_, kernel.name};
  check_accesses(place, kernel, &space.layout(), accesses);
  if (!(kernel.result == reduction.target->type))
    usage_error("{}: the kernel returns {}, but '{}' is {}", place.text(), kernel.result.name,
                reduction.target->label, reduction.target->type.name);
  const ElementType& t = kernel.result;
  if (!(t == element_type<double>() || t == element_type<std::int64_t>() ||
        t == element_type<std::uint64_t>()))
    usage_error("{}: reductions take float64, int64 or uint64, not {}", place.text(), t.name);
  Operation op{OperationKind::reduce, kernel, space.shared_layout(), std::move(accesses), reduction, {}, 0};
  statements_.push_back({std::move(op), {}, {}});
}

void Recorder::add_compute(Kernel kernel, std::vector<Access> accesses) {
  const Place place{graph_name_, kernel.name};
  std::vector<Access> reads;
  std::shared_ptr<Name> target;
  for (Access& a : accesses) {
    if (a.mode == Mode::read)
      reads.push_back(std::move(a));
    else if (!target)
      target = a.name;
    else
      usage_error("{}: compute writes one scalar, but '{}' and '{}' were given", place.text(), target->label,
                  a.name->label);
  }
  if (!target) usage_error("{}: compute needs a scalar to write: write(s)", place.text());
  if (!target->store->is_scalar())
    usage_error("{}: compute writes a scalar, but '{}' is a field", place.text(), target->label);
  if (!(kernel.result == target->type))
    usage_error("{}: the function returns {}, but '{}' is {}", place.text(), kernel.result.name,
                target->label, target->type.name);
  check_accesses(place, kernel, nullptr, reads);
  Operation op{
      OperationKind::compute, std::move(kernel), nullptr, std::move(reads), {}, std::move(target), 0};
  statements_.push_back({std::move(op), {}, {}});
}

void Recorder::add_swap(const std::shared_ptr<Name>& a, const std::shared_ptr<Name>& b) {
  const Store& x = *a->store;
  const Store& y = *b->store;
  if (x.columns() || y.columns())
    usage_error("graph '{}': swap of '{}' and '{}': matrices keep their names", graph_name_, a->label,
                b->label);
  const bool alike =
      a->type == b->type && x.is_scalar() == y.is_scalar() && (x.is_scalar() || *x.layout() == *y.layout());
  if (!alike)
    usage_error("graph '{}': swap of '{}' and '{}', which differ in type or grid", graph_name_, a->label,
                b->label);
  statements_.push_back({{}, a, b});
}

void Recorder::add_stop(Kernel kernel, std::vector<Access> accesses, std::int64_t lag) {
  const Place place{graph_name_, kernel.name};
  if (!(kernel.result == element_type<bool>()))
    usage_error("{}: the predicate returns {}, not bool", place.text(), kernel.result.name);
  if (lag < 0) usage_error("{}: the lag of {} steps is negative", place.text(), lag);
  check_accesses(place, kernel, nullptr, accesses);
  Operation op{OperationKind::stop_when, std::move(kernel), nullptr, std::move(accesses), {}, {}, lag};
  statements_.push_back({std::move(op), {}, {}});
}

namespace {

/// FNV-1a over what all ranks must have recorded alike.
class Hash {
 public:
  void add(const void* data, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
      value_ = (value_ ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3ULL;
  }
  void add(const std::string& s) {
    add(s.data(), s.size());
    add(s.size());
  }
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void add(T v) { add(&v, sizeof v); }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace

std::uint64_t Record::hash() const {
  Hash h;
  std::map<const Name*, std::uint32_t> numbers;  // names by first appearance: addresses differ between ranks
  auto add_name = [&](const std::shared_ptr<Name>& n) {
    if (!n) return h.add(~0U);
    h.add(numbers.emplace(n.get(), numbers.size()).first->second);
    h.add(n->label);
    h.add(std::string(n->type.name));
  };
  h.add(name);
  h.add(phases.size());
  for (const auto& phase : phases) {
    h.add(phase.size());
    for (const Statement& s : phase) {
      add_name(s.swap_a);
      add_name(s.swap_b);
      const Operation& op = s.operation;
      h.add(op.kind);
      h.add(op.kernel.name);
      h.add(op.lag);
      h.add(op.reduction.combine);
      add_name(op.reduction.target);
      add_name(op.target);
      if (op.space) h.add(op.space->describe());
      for (const Access& a : op.accesses) {
        add_name(a.name);
        h.add(a.mode);
        h.add(a.pattern.shape);
        h.add(a.pattern.radius);
      }
    }
  }
  return h.value();
}

}  // namespace tutti
