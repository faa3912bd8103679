// Options that all programs share, and how a program adds its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tutti {

enum class Schedule : std::uint8_t { tasks, bulk, kokkos };
/// In which order the workers of the tasks schedule run their tasks: each as soon as it can; one after the
/// other as laid down beforehand, which is quicker for tasks of less than a microsecond; one worker all of
/// them, which is quicker still where a step is little more than the way of its data from core to core (on a
/// rank that exchanges messages: as fixed); or what suits them.
enum class Order : std::uint8_t { automatic, free, fixed, single };

/// Options common to all apps. A program with options of its own derives from it, adds fields, and declares
/// them with the functions below.
struct Options {
  int threads = 0;  ///< workers per rank; 0: cores in the affinity mask / local ranks that share it
  std::string device = "cpu";
  Schedule schedule = Schedule::tasks;
  bool steal = true;                    ///< tasks: idle workers take tasks of others
  Order task_order = Order::automatic;  ///< tasks
  std::string messages = "auto";   ///< "auto": through shared memory within a node; "mpi": all through MPI
  std::vector<std::int64_t> tile;  ///< empty: the default of the problem
  int repeat = 6;  ///< timed repeats of the whole problem; 6 give a 95 % interval of the median
  std::uint64_t seed = 1;
  std::string json;
  std::string trace;
  std::string dump_graph;
  std::string output;
  bool explain = false;  ///< say what limits the run, and where its time went
  bool print_affinity = false;
  double watchdog_s = 60;  ///< a replay without progress for so long is ended with an explanation; 0: never
  bool quiet = false;

  virtual ~Options() = default;
  /// Name, one line of description; and the program's own options.
  virtual std::string app_name() const { return "app"; }
  virtual std::string app_description() const { return "a program built on Tutti"; }
  virtual void declare(CLI::App&) {}
  /// Checks that need all values; throws Error(usage).
  virtual void validate() {}
};

/// Parses the command line into `options`. On --help or --version prints (if `print`: rank 0 only) and
/// returns false: the program should end with status 0. Throws Error(usage) with one line for anything that
/// cannot be used, also for what this build cannot do (a device, a schedule).
bool parse_options(int argc, const char* const* argv, Options& options, bool print);

/// For `declare`: options whose values are checked as they are read, so that a wrong one is answered by a
/// line that names the option, what it takes and what it got. A name without dashes ("fault") is a word by
/// its place. Given twice, the last one counts.
void add_integer(CLI::App& app, const std::string& name, std::int64_t& value, std::int64_t least,
                 const std::string& help);
void add_integer(CLI::App& app, const std::string& name, int& value, int least, const std::string& help);
/// A finite number of at least `least`.
void add_number(CLI::App& app, const std::string& name, double& value, double least, const std::string& help);
/// One of a list of words.
void add_choice(CLI::App& app, const std::string& name, std::string& value,
                const std::vector<std::string>& choices, const std::string& help);
/// 1 to 3 whole numbers of at least 1, with commas between: 128,128,128.
void add_extents(CLI::App& app, const std::string& name, std::vector<std::int64_t>& value,
                 const std::string& help);
void add_text(CLI::App& app, const std::string& name, std::string& value, const std::string& help);
/// True where the option is given.
void add_flag(CLI::App& app, const std::string& name, bool& value, const std::string& help);

/// "tasks", "bulk" or "kokkos"
const char* to_string(Schedule schedule);

}  // namespace tutti
