#include "runtime/comm/mpi_library.hpp"

#include <array>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "runtime/error.hpp"

namespace tutti::mpi {

void fail(int code, const char* call) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  environment_error("{} failed: {}.", call, std::string_view(text, static_cast<std::size_t>(length)));
}

const char* level_name(int level) {
  switch (level) {
    case MPI_THREAD_SINGLE:
      return "single";
    case MPI_THREAD_FUNNELED:
      return "funneled";
    case MPI_THREAD_SERIALIZED:
      return "serialized";
    default:
      return "multiple";
  }
}

namespace {

/// Open MPI takes locks at every level but single. (Without them a step of plain MPI takes 0.67 of the time.)
std::string_view wanted_level() {
  const char* const text = std::getenv("TUTTI_MPI_THREADS");
  return text ? text : "serialized";
}

}  // namespace

Library::Library(int& argc, char**& argv) {
  int finalised = 0;
  int initialised = 0;
  MPI_Finalized(&finalised);
  if (finalised) environment_error("MPI was finalised before the runtime was made: keep one runtime alive.");
  MPI_Initialized(&initialised);
  owner_ = !initialised;
  if (owner_) {
    const int level = wanted_level() == "single" ? MPI_THREAD_SINGLE : MPI_THREAD_SERIALIZED;
    check(MPI_Init_thread(&argc, &argv, level, &level_), "MPI_Init_thread");
  } else {
    check(MPI_Query_thread(&level_), "MPI_Query_thread");
  }
}

void Library::check_workers(std::uint32_t workers) const {
  const std::string_view word = wanted_level();
  if (word != "single" && word != "serialized")
    usage_error("TUTTI_MPI_THREADS is 'serialized' or 'single', not '{}'.", word);
  if (workers > 1 && level_ < MPI_THREAD_SERIALIZED)
    environment_error(
        "{} workers of a rank need MPI's thread level 'serialized', and it is '{}': use --threads 1.",
        workers, level_name(level_));
}

Extent::Extent(std::uint64_t bytes) {
  if (bytes <= INT_MAX) {
    count_ = static_cast<int>(bytes);
    return;
  }
  constexpr std::uint64_t block_bytes = 1U << 30;
  if (bytes / block_bytes > INT_MAX) environment_error("A message of {} bytes is too long for MPI.", bytes);
  const auto blocks = static_cast<int>(bytes / block_bytes);
  const std::array<int, 2> counts{1, static_cast<int>(bytes % block_bytes)};
  const std::array<MPI_Aint, 2> offsets{0, static_cast<MPI_Aint>(blocks * block_bytes)};
  std::array<MPI_Datatype, 2> types{MPI_DATATYPE_NULL, MPI_BYTE};
  MPI_Datatype block = MPI_DATATYPE_NULL;
  check(MPI_Type_contiguous(static_cast<int>(block_bytes), MPI_BYTE, &block), "MPI_Type_contiguous");
  check(MPI_Type_contiguous(blocks, block, types.data()), "MPI_Type_contiguous");
  check(MPI_Type_create_struct(2, counts.data(), offsets.data(), types.data(), &type_),
        "MPI_Type_create_struct");
  check(MPI_Type_commit(&type_), "MPI_Type_commit");
  MPI_Type_free(types.data());
  MPI_Type_free(&block);
}

}  // namespace tutti::mpi
