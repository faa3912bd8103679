// Files in a job of several ranks: every rank learns what became of them, and whole files or none are left.
#pragma once

#include <functional>
#include <string>

#include "runtime/comm/transport.hpp"
#include "runtime/error.hpp"

namespace tutti {

/// Runs `action` on every rank. If it throws an Error on any, every rank throws that of the lowest such rank;
/// so nobody waits for a rank that has given up. Collective.
void share_outcome(Transport& transport, const std::function<void()>& action);

/// The same, with `action` run by rank 0 alone.
void on_root(Transport& transport, const std::function<void()>& action);

/// Throws Error(environment) if rank 0 could not write `path`: before a long computation, not after it.
/// `what` names the file in the message, for example "--json". Leaves an existing file as it is. Collective.
void check_writable(Transport& transport, const std::string& what, const std::string& path);

/// Where a file is written before it gets its name.
std::string unfinished(const std::string& path);
/// Gives an unfinished file its name, replacing what had it. Throws Error(environment).
void finish_file(const std::string& path);
/// Writes a whole text file or none. Throws Error(environment). One process.
void write_text(const std::string& path, const std::string& text);

}  // namespace tutti
