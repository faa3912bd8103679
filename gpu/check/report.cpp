#include "gpu/check/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <ostream>

#include "runtime/exception.hpp"

namespace tutti::gpu_check {
namespace {

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

/// "name": [item, item, ...]
template <class Items, class Write>
void write_list(std::ostream& out, const char* name, const Items& items, const Write& write) {
  out << "  " << quoted(name) << ": [";
  const char* separator = "\n    ";
  for (const auto& item : items) {
    out << separator;
    write(item);
    separator = ",\n    ";
  }
  out << "\n  ]";
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

void Report::keep_in(const std::string& file) {
  file_ = file;
  keep();
}

void Report::keep() const {
  if (!file_.empty()) write_json(file_);
}

void Report::check(const std::string& name, bool passed, const std::string& detail) {
  checks_.push_back({name, passed, detail});
  std::printf("%s  %s: %s\n", passed ? "ok    " : "FAILED", name.c_str(), detail.c_str());
  std::fflush(stdout);
  keep();
}

void Report::figure(const Figure& f) {
  figures_.push_back(f);
  if (f.bound > 0)
    std::printf("        %s: %.4g %s, %.3f of %s\n", f.name.c_str(), f.value, f.unit.c_str(),
                f.value / f.bound, f.bound_name.c_str());
  else
    std::printf("        %s: %.4g %s\n", f.name.c_str(), f.value, f.unit.c_str());
  std::fflush(stdout);
  keep();
}

void Report::left_out(const std::string& what, const std::string& why) {
  left_out_.emplace_back(what, why);
  std::printf("left out  %s: %s\n", what.c_str(), why.c_str());
  std::fflush(stdout);
  keep();
}

bool Report::all_passed() const {
  return std::all_of(checks_.begin(), checks_.end(), [](const Check& c) { return c.passed; });
}

void Report::write_json(const std::string& file) const {
  const std::string unfinished = file + ".new";
  std::ofstream out(unfinished);
  out << "{\n";
  for (const auto& [name, value] : facts_) out << "  " << quoted(name) << ": " << quoted(value) << ",\n";
  write_list(out, "checks", checks_, [&](const Check& c) {
    out << "{\"name\": " << quoted(c.name) << ", \"passed\": " << (c.passed ? "true" : "false")
        << ", \"detail\": " << quoted(c.detail) << "}";
  });
  out << ",\n";
  write_list(out, "figures", figures_, [&](const Figure& f) {
    out << "{\"name\": " << quoted(f.name) << ", \"value\": " << number(f.value)
        << ", \"unit\": " << quoted(f.unit) << ", \"bound_name\": " << quoted(f.bound_name)
        << ", \"bound\": " << number(f.bound) << ", \"wanted\": " << number(f.wanted) << "}";
  });
  out << ",\n";
  write_list(out, "left_out", left_out_, [&](const auto& l) {
    out << "{\"what\": " << quoted(l.first) << ", \"why\": " << quoted(l.second) << "}";
  });
  out << "\n}\n";
  out.close();
  if (!out || std::rename(unfinished.c_str(), file.c_str()) != 0)
    throw Error(Status::environment, "writing " + file + " failed; is the folder there, and not full?");
}

}  // namespace tutti::gpu_check
