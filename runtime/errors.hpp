// The one place where a program's error becomes one line and an exit status.
#pragma once

#include <string>

namespace tutti {

class Transport;

/// From now on, an exception that nobody catches ends the job: one line `tutti: error: ...` on standard
/// error, printed by rank 0 if it found the error too, else by the rank that did; then all ranks end with the
/// status of the Error (3 for other exceptions). `transport` may be null and must outlive its registration.
void end_program_on_uncaught_errors(Transport* transport);

/// Prints the line and ends all ranks.
[[noreturn]] void end_program(const std::string& message, int status);

}  // namespace tutti
