// A line on the terminal while training goes on.
#pragma once

#include <chrono>
#include <cstdint>

/// Writes over one line of standard error; nothing if that is no terminal, or if not wanted.
class Progress {
 public:
  explicit Progress(bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `all` steps since the start.
  void show(std::int64_t done, std::int64_t all, double loss, double validation_loss);

 private:
  bool shows_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};
