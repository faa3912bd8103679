#include "runtime/io/outcome.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace tutti {

namespace fs = std::filesystem;

namespace {

/// An Error as bytes: its status, then its message. No bytes: no error.
Bytes pack(const std::optional<Error>& error) {
  if (!error) return {};
  const std::string text = static_cast<char>(error->status()) + std::string(error->what());
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(first, first + text.size());
}

[[noreturn]] void rethrow(const Bytes& bytes) {
  const auto* chars = reinterpret_cast<const char*>(bytes.data());
  throw Error(static_cast<Status>(chars[0]), std::string(chars + 1, bytes.size() - 1));
}

std::string reason() { return std::strerror(errno); }

}  // namespace

void share_outcome(Transport& transport, const std::function<void()>& action) {
  std::optional<Error> mine;
  try {
    action();
  } catch (const Error& error) {
    mine = error;
  } catch (const std::exception& error) {
    mine = Error(Status::environment, error.what());
  }
  for (const Bytes& theirs : transport.gather_all(pack(mine)))
    if (!theirs.empty()) rethrow(theirs);
}

void on_root(Transport& transport, const std::function<void()>& action) {
  share_outcome(transport, [&] {
    if (transport.rank() == RankId{0}) action();
  });
}

void check_writable(Transport& transport, const std::string& what, const std::string& path) {
  on_root(transport, [&] {
    std::error_code ignored;
    if (fs::is_directory(path, ignored))
      environment_error("cannot write {} '{}': it is a directory", what, path);
    // Trying is the only test that also sees read-only and full file systems and special permissions.
    const std::string trial = unfinished(path);
    std::FILE* file = std::fopen(trial.c_str(), "wb");
    if (file == nullptr) environment_error("cannot write {} '{}': {}", what, path, reason());
    std::fclose(file);
    fs::remove(trial, ignored);
  });
}

std::string unfinished(const std::string& path) { return path + ".tmp"; }

void finish_file(const std::string& path) {
  if (std::rename(unfinished(path).c_str(), path.c_str()) != 0)
    environment_error("cannot write '{}': {}", path, reason());
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream out(unfinished(path), std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) environment_error("cannot write '{}': {}", path, reason());
  finish_file(path);
}

}  // namespace tutti
