#include "miniapps/metg/patterns.hpp"

#include <algorithm>
#include <bit>

#include "miniapps/metg/hash.hpp"
#include "runtime/error.hpp"

namespace metg {
namespace {

using tutti::usage_error;
using Points = std::vector<std::int64_t>;

/// Points first .. last that exist.
Points range(std::int64_t first, std::int64_t last, std::int64_t width) {
  Points points;
  for (std::int64_t p = std::max<std::int64_t>(0, first); p <= std::min(last, width - 1); ++p)
    points.push_back(p);
  return points;
}

std::int64_t ceil_log2(std::int64_t n) { return std::bit_width(static_cast<std::uint64_t>(n - 1)); }

Points no_inputs(const PatternSpec&, std::int64_t, std::int64_t) { return {}; }
Points itself(const PatternSpec&, std::int64_t, std::int64_t p) { return {p}; }
Points neighbours(const PatternSpec& s, std::int64_t, std::int64_t p) { return range(p - 1, p + 1, s.width); }
Points ring_neighbours(const PatternSpec& s, std::int64_t, std::int64_t p) {
  return {(p + s.width - 1) % s.width, p, (p + 1) % s.width};
}
Points upper_left(const PatternSpec& s, std::int64_t, std::int64_t p) { return range(p - 1, p, s.width); }
Points parent(const PatternSpec&, std::int64_t, std::int64_t p) { return {p / 2}; }
Points everybody(const PatternSpec& s, std::int64_t, std::int64_t) { return range(0, s.width - 1, s.width); }

/// Step t crosses distance 2^((t-1) mod log2(width)).
Points butterfly(const PatternSpec& s, std::int64_t phase, std::int64_t p) {
  const std::int64_t levels = std::max<std::int64_t>(1, ceil_log2(s.width));
  const std::int64_t distance = std::int64_t{1} << ((phase + levels - 1) % levels);
  Points points;
  for (const std::int64_t q : {p - distance, p, p + distance})
    if (q >= 0 && q < s.width) points.push_back(q);
  return points;
}

/// A window of `radix` points around p.
Points window(const PatternSpec& s, std::int64_t, std::int64_t p) {
  return s.radix == 0 ? Points{} : range(p - s.radix / 2, p + (s.radix - 1) / 2, s.width);
}

/// `radix` points at equal distances; all but the first move on by one in each step of the period.
Points spread_out(const PatternSpec& s, std::int64_t phase, std::int64_t p) {
  Points points;
  for (std::int64_t i = 0; i < s.radix; ++i)
    points.push_back((p + i * s.width / s.radix + (i > 0 ? phase : 0)) % s.width);
  return points;
}

/// p itself and, drawn anew in each step of the period, a fraction of the window.
Points random_window(const PatternSpec& s, std::int64_t phase, std::int64_t p) {
  Points points = window(s, phase, p);
  std::erase_if(points, [&](std::int64_t q) {
    const double drawn =
        uniform({s.seed, s.graph, static_cast<std::uint64_t>(s.radix), static_cast<std::uint64_t>(phase),
                 static_cast<std::uint64_t>(q), static_cast<std::uint64_t>(p)});
    return q != p && drawn >= s.fraction;
  });
  return points;
}

enum class Repeats { always, butterfly, period, never };

struct Definition {
  const char* name;
  Points (*inputs)(const PatternSpec&, std::int64_t phase, std::int64_t point);
  Repeats repeats;
};

constexpr Definition definitions[] = {
    {"trivial", no_inputs, Repeats::always},
    {"no_comm", itself, Repeats::always},
    {"stencil_1d", neighbours, Repeats::always},
    {"stencil_1d_periodic", ring_neighbours, Repeats::always},
    {"dom", upper_left, Repeats::never},
    {"tree", parent, Repeats::never},
    {"fft", butterfly, Repeats::butterfly},
    {"all_to_all", everybody, Repeats::always},
    {"nearest", window, Repeats::always},
    {"spread", spread_out, Repeats::period},
    {"random_nearest", random_window, Repeats::period},
};

const Definition& definition(const std::string& name) {
  for (const Definition& d : definitions)
    if (d.name == name) return d;
  usage_error("there is no pattern '{}'", name);
}

std::int64_t phases_of(const Definition& d, const PatternSpec& s) {
  switch (d.repeats) {
    case Repeats::always:
      return 1;
    case Repeats::butterfly:
      return std::max<std::int64_t>(1, ceil_log2(s.width));
    case Repeats::period:
      return s.period;
    case Repeats::never:
      return s.steps;
  }
  return 1;
}

/// First point and number of points of step t of a graph of the steps and width of `s`.
std::pair<std::int64_t, std::int64_t> active_range(const PatternSpec& s, std::int64_t t) {
  if (s.name == "dom")  // a diamond cut from the lattice: grows by one a step, then shrinks
    return {std::max<std::int64_t>(0, t + s.width - s.steps), std::min({s.width, t + 1, s.steps - t})};
  if (s.name == "tree") return {0, t < 62 ? std::min(s.width, std::int64_t{1} << t) : s.width};
  return {0, s.width};
}

void check(const PatternSpec& s) {
  if (s.width < 1 || s.width > 1 << 24) usage_error("a step has 1 to 2^24 tasks, not {}", s.width);
  if (s.steps < 1) usage_error("a graph has at least one step, not {}", s.steps);
  if (s.radix < 0 || s.radix > 1 << 24) usage_error("a radix lies between 0 and 2^24, not at {}", s.radix);
  if (s.period < 1) usage_error("a period of {} steps: it takes at least one", s.period);
  if (!(s.fraction >= 0 && s.fraction <= 1))
    usage_error("a fraction lies between 0 and 1, not at {}", s.fraction);
}

}  // namespace

const std::vector<std::string>& pattern_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Definition& d : definitions) all.emplace_back(d.name);
    return all;
  }();
  return names;
}

Pattern::Pattern(const PatternSpec& spec) : spec_(spec) {
  const Definition& d = definition(spec.name);
  check(spec);
  width_ = static_cast<std::uint32_t>(spec.width);
  phases_ = static_cast<std::uint32_t>(phases_of(d, spec));
  has_shape_ = d.repeats == Repeats::never;
  for (std::uint32_t phase = 0; phase < phases_; ++phase) {
    const auto [first, count] = active_range(spec, phase);
    active_.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)});
    for (std::uint32_t point = 0; point < width_; ++point) {
      std::vector<std::uint32_t> row;
      const bool starts = has_shape_ && phase == 0;
      if (is_active(phase, point) && !starts)
        for (const std::int64_t p : d.inputs(spec, phase, point))
          row.push_back(static_cast<std::uint32_t>(p));
      if (has_shape_) std::erase_if(row, [&](std::uint32_t p) { return !is_active(phase - 1, p); });
      std::sort(row.begin(), row.end());
      row.erase(std::unique(row.begin(), row.end()), row.end());
      inputs_.add(row);
    }
    std::vector<std::vector<std::uint32_t>> readers(width_);
    for (std::uint32_t point = 0; point < width_; ++point)
      for (const std::uint32_t p : inputs(phase, point)) readers[p].push_back(point);
    for (const auto& row : readers) readers_.add(row);
  }
}

std::int64_t Pattern::tasks(std::int64_t steps) const {
  const std::int64_t w = spec_.width;
  const std::int64_t length = spec_.steps;
  if (spec_.name == "dom") {  // 1 + 2 + .. + h-1, then steps of h tasks, then down again
    const std::int64_t h = std::min(w, (length + 1) / 2);
    return steps / length * (h * (h - 1) + (length - 2 * (h - 1)) * h);
  }
  if (spec_.name == "tree") {  // 1 + 2 + 4 + .., then steps of w tasks
    const std::int64_t levels = std::min(length, ceil_log2(w));
    return steps / length * ((std::int64_t{1} << levels) - 1 + (length - levels) * w);
  }
  return steps * w;
}

std::int64_t Pattern::input_count(std::int64_t first, std::int64_t steps) const {
  std::int64_t sum = 0;
  for (std::uint32_t phase = 0; phase < phases_; ++phase) {
    // how many of the steps are in this phase
    const std::int64_t skip = (phase + phases_ - first % phases_) % phases_;
    const std::int64_t times = steps > skip ? (steps - skip + phases_ - 1) / phases_ : 0;
    const auto begin = static_cast<std::int64_t>(inputs_.first[phase * std::size_t{width_}]);
    const auto end = static_cast<std::int64_t>(inputs_.first[(phase + std::size_t{1}) * width_]);
    sum += times * (end - begin);
  }
  return sum;
}

}  // namespace metg
