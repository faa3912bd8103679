// What ranks and threads really get here, for `tutti doctor`: MPI's thread level and, for each thread, the
// processors that it may run on. With -DWITH_MPI through MPI.
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <omp.h>
#include <sched.h>
#ifdef WITH_MPI
#include <mpi.h>
#endif

static std::string processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string text;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return text;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) text += (text.empty() ? "" : ",") + std::to_string(cpu);
  return text;
}

int main(int argc, char** argv) {
  int rank = 0;
#ifdef WITH_MPI
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const char* name = level == MPI_THREAD_MULTIPLE     ? "multiple"
                     : level == MPI_THREAD_SERIALIZED ? "serialized"
                     : level == MPI_THREAD_FUNNELED   ? "funneled"
                                                      : "single";
  if (rank == 0) std::printf("level %s\n", name);
#else
  (void)argc;
  (void)argv;
#endif
  std::vector<std::string> lists(static_cast<std::size_t>(omp_get_max_threads()));
#pragma omp parallel
  lists[static_cast<std::size_t>(omp_get_thread_num())] = processors();
  std::string text;
  for (const std::string& list : std::span(lists))
    if (!list.empty()) text += "rank " + std::to_string(rank) + " may run on " + list + "\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
#ifdef WITH_MPI
  MPI_Finalize();
#endif
}
