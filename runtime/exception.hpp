// The one exception type of Tutti. Needs nothing but the standard library.
#pragma once

#include <stdexcept>
#include <string>

namespace tutti {

/// Exit statuses of every program built on Tutti. 0 means: the result was verified.
enum class Status : int { verified = 0, failed_verification = 1, usage = 2, environment = 3 };

/// Bad input, bad use or a failing environment. The message says what was wrong, where, and what to do,
/// in one line. `Status::usage` is for what the user or the programmer can mend in the call,
/// `Status::environment` for files, memory, MPI and the machine.
class Error : public std::runtime_error {
 public:
  Error(Status status, const std::string& message) : std::runtime_error(message), status_(status) {}
  Status status() const { return status_; }

 private:
  Status status_;
};

}  // namespace tutti
