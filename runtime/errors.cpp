#include "runtime/errors.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <thread>

#include "runtime/comm/transport.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

std::atomic<Transport*> job{nullptr};
std::atomic_flag ending = ATOMIC_FLAG_INIT;

// An error that all ranks find is rank 0's to print; it ends the others while they wait here.
constexpr auto time_for_rank_0 = std::chrono::milliseconds(700);

[[noreturn]] void on_terminate() {
  std::string message = "terminated without an exception";
  auto status = Status::environment;
  if (const std::exception_ptr e = std::current_exception()) {
    try {
      std::rethrow_exception(e);
    } catch (const Error& error) {
      message = error.what();
      status = error.status();
    } catch (const std::bad_alloc&) {
      message = "out of memory";
    } catch (const std::exception& other) {
      message = other.what();
    } catch (...) {
      message = "unknown exception";
    }
  }
  end_program(message, static_cast<int>(status));
}

}  // namespace

void end_program_on_uncaught_errors(Transport* transport) {
  job.store(transport);
  std::set_terminate(on_terminate);
}

void end_program(const std::string& message, int status) {
  if (ending.test_and_set()) std::this_thread::sleep_for(std::chrono::seconds(10));  // somebody else is at it
  Transport* transport = job.load();
  if (transport && transport->rank().value != 0) std::this_thread::sleep_for(time_for_rank_0);
  std::fprintf(stderr, "tutti: error: %s\n", message.c_str());
  std::fflush(stderr);
  if (transport && transport->ranks() > 1) transport->abort(status);
  std::_Exit(status);
}

}  // namespace tutti
