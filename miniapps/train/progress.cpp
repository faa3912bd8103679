#include "miniapps/train/progress.hpp"

#include <cstdio>

#include <unistd.h>

Progress::Progress(bool wanted) : shows_(wanted && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shows_) std::fprintf(stderr, "\r\033[K");
}

void Progress::show(std::int64_t done, std::int64_t all, double loss, double validation_loss) {
  if (!shows_) return;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin_;
  const double left_s = took.count() / static_cast<double>(done) * static_cast<double>(all - done);
  std::fprintf(stderr, "\r\033[Kstep %ld of %ld, loss %.4f, validation %.4f, %.0f s left",
               static_cast<long>(done), static_cast<long>(all), loss, validation_loss, left_s);
}
