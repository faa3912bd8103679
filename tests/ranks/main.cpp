#include "tests/ranks/main.hpp"

#include <cstdio>

#include <gtest/gtest.h>

namespace tutti {
namespace {

std::shared_ptr<Transport> job;

/// A rank that fails would leave the others waiting: it says what failed and ends them all.
class EndAllRanks : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %u: %s:%d: %s\n", job->rank().value,
                 result.file_name() ? result.file_name() : "?", result.line_number(), result.message());
    job->abort(1);
  }
};

}  // namespace

const std::shared_ptr<Transport>& job_transport() { return job; }

}  // namespace tutti

int main(int argc, char** argv) {
  tutti::job = tutti::make_transport(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (tutti::job->rank().value != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new tutti::EndAllRanks);
  const int result = RUN_ALL_TESTS();
  tutti::job.reset();
  return result;
}
