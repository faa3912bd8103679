// What gpu_check found: checks that passed or failed, figures with their bounds; as lines and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tutti::gpu_check {

struct Check {
  std::string name;
  bool passed = false;
  std::string detail;  ///< "8190 values, the same bits"; where it failed, what differs
};

/// A measured number; `bound` was measured in the same run, 0 if there is none. `wanted`: value / bound
/// should be at least this; 0 if nothing is wanted.
struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::string bound_name;
  double bound = 0;
  double wanted = 0;
};

class Report {
 public:
  /// From now on each word is in the file at once, as write_json() writes it: a crash takes nothing along.
  void keep_in(const std::string& file);
  void check(const std::string& name, bool passed, const std::string& detail);
  void figure(const Figure& figure);
  /// Something that cannot be done here, and why.
  void left_out(const std::string& what, const std::string& why);
  void fact(const std::string& name, const std::string& value) { facts_.emplace_back(name, value); }
  bool all_passed() const;
  std::size_t checks() const { return checks_.size(); }
  /// The whole report as one JSON object, which is there as a whole or not at all. Throws Error(environment)
  /// if it cannot be written.
  void write_json(const std::string& file) const;

 private:
  void keep() const;

  std::string file_;
  std::vector<Check> checks_;
  std::vector<Figure> figures_;
  std::vector<std::pair<std::string, std::string>> left_out_;
  std::vector<std::pair<std::string, std::string>> facts_;
};

/// The text as a JSON string, with its quotes.
std::string quoted(const std::string& text);

}  // namespace tutti::gpu_check
