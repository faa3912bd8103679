#include "runtime/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "runtime/error.hpp"
#include "runtime/insight/provenance.hpp"
#include "runtime/text.hpp"

namespace tutti {

namespace {

/// The whole of `text` as a number, or nothing.
template <class T>
bool parse_number(std::string_view text, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

/// An option whose text is handed to `parse`, which throws Error(usage) where it does not fit. CLI11's own
/// conversions would not say what an option takes.
template <class Parse>
void add_parsed(CLI::App& app, const std::string& name, const std::string& type, const std::string& help,
                Parse parse) {
  app.add_option_function<std::string>(name, parse, help)->type_name(type);
}

template <class Integer>
void add_whole(CLI::App& app, const std::string& name, Integer& value, Integer least,
               const std::string& help) {
  add_parsed(app, name, "N", help, [&value, name, least](const std::string& text) {
    if (!parse_number(text, value) || value < least)
      usage_error("{} takes a whole number from {} to {}, not '{}'", name, least,
                  std::numeric_limits<Integer>::max(), text);
  });
}

/// One of a list of words; calls take(its place in the list).
template <class Take>
void add_word(CLI::App& app, const std::string& name, const std::vector<std::string>& words,
              const std::string& help, Take take) {
  add_parsed(app, name, joined(words, "|"), help, [name, words, take](const std::string& text) {
    const auto found = std::find(words.begin(), words.end(), text);
    if (found == words.end()) usage_error("{} takes one of {}, not '{}'", name, joined(words, ", "), text);
    take(static_cast<std::size_t>(found - words.begin()));
  });
}
/// The values of an enum, which begin at 0, by their words.
template <class Enum>
void add_enum(CLI::App& app, const std::string& name, Enum& value, const std::vector<std::string>& words,
              const std::string& help) {
  add_word(app, name, words, help, [&value](std::size_t i) { value = static_cast<Enum>(i); });
}

std::string version_text(const Options& options) {
  const BuildInfo& build = build_info();
  return fmt::format("{} (Tutti) {}, commit {}\n{}, {}, with {}\n", options.app_name(), build.version,
                     build.git_commit, build.compiler, build.build_type,
                     build.features.empty() ? "none of mpi hdf5 kokkos cuda" : joined(build.features, " "));
}

void declare_common(CLI::App& app, Options& o) {
  app.option_defaults()->take_last();
  add_integer(app, "--threads", o.threads, 0,
              "worker threads of each rank (0: the rank's share of the cores it may use; one with a device)");
  add_choice(app, "--device", o.device, {"cpu", "cuda", "simulated"},
             "where kernels run: on the host, on CUDA devices, or on a simulated device, which is for tests");
  add_enum(app, "--schedule", o.schedule, {"tasks", "bulk", "kokkos"},
           "how steps are run: as a replayed graph, or as parallel loops with barriers");
  add_enum(
      app, "--task-order", o.task_order, {"auto", "free", "fixed", "single"},
      "tasks: each runs as soon as it can, or in a fixed order, which suits tiny tasks, or one worker runs "
      "all; auto: by measurement");
  app.add_flag_callback(
      "--no-steal", [&o] { o.steal = false; }, "leave every task to the worker whose memory it is in");
  add_choice(app, "--messages", o.messages, {"auto", "mpi"},
             "how messages travel between ranks: through shared memory within a node, or all through MPI");
  add_extents(app, "--tile", o.tile,
              "cells of a tile, per dimension (default: depends on the problem alone)");
  add_integer(app, "--repeat", o.repeat, 1, "timed repeats of the whole problem; 6 give a 95 % interval");
  add_whole<std::uint64_t>(app, "--seed", o.seed, 0, "start of random numbers");
  add_text(app, "--json", o.json, "write the results to this file as one JSON object");
  add_text(app, "--trace", o.trace, "write what every worker did to this file, for Perfetto");
  add_flag(app, "--explain", o.explain, "say what limits the run, and where the time of its kernels went");
  add_text(app, "--dump-graph", o.dump_graph, "write the recorded graph to this file, for Graphviz");
  add_text(app, "--output", o.output, "write what was computed to this file (HDF5)");
  add_flag(app, "--print-affinity", o.print_affinity, "print the processors that each worker may run on");
  add_number(app, "--watchdog", o.watchdog_s, 0, "end a run without progress for so many seconds (0: never)");
  add_flag(app, "--quiet", o.quiet, "print nothing but errors");
}

/// What the command line may ask for but this build cannot do.
void check_features(const Options& o) {
  if (o.device == "cuda" && !built_with("cuda"))
    usage_error("--device cuda: this build has no CUDA device; use --device cpu");
  if (o.device != "cpu" && o.schedule != Schedule::tasks)
    usage_error("--schedule {} runs on the host alone; with --device {} use --schedule tasks",
                to_string(o.schedule), o.device);
  if (o.schedule == Schedule::kokkos && !built_with("kokkos"))
    usage_error("--schedule kokkos: this build has no Kokkos (configure with -DTUTTI_KOKKOS=ON)");
}

}  // namespace

void add_integer(CLI::App& app, const std::string& name, std::int64_t& value, std::int64_t least,
                 const std::string& help) {
  add_whole(app, name, value, least, help);
}

void add_integer(CLI::App& app, const std::string& name, int& value, int least, const std::string& help) {
  add_whole(app, name, value, least, help);
}

void add_number(CLI::App& app, const std::string& name, double& value, double least,
                const std::string& help) {
  add_parsed(app, name, "X", help, [&value, name, least](const std::string& text) {
    if (!parse_number(text, value) || !std::isfinite(value) || value < least)
      usage_error("{} takes a number of at least {}, not '{}'", name, least, text);
  });
}

void add_choice(CLI::App& app, const std::string& name, std::string& value,
                const std::vector<std::string>& choices, const std::string& help) {
  add_word(app, name, choices, help, [&value, choices](std::size_t i) { value = choices[i]; });
}

void add_extents(CLI::App& app, const std::string& name, std::vector<std::int64_t>& value,
                 const std::string& help) {
  add_parsed(app, name, "N[,N[,N]]", help, [&value, name](const std::string& text) {
    value.clear();
    for (std::string_view rest = text;;) {
      const auto comma = rest.find(',');
      if (std::int64_t n = 0; parse_number(rest.substr(0, comma), n) && n >= 1)
        value.push_back(n);
      else
        usage_error("{} takes whole numbers of at least 1 with commas between, not '{}'", name, text);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    if (value.size() > 3) usage_error("{} takes at most 3 numbers, not '{}'", name, text);
  });
}

void add_text(CLI::App& app, const std::string& name, std::string& value, const std::string& help) {
  add_parsed(app, name, "NAME", help, [&value, name](const std::string& text) {
    if (text.empty()) usage_error("{} needs a value", name);
    value = text;
  });
}

void add_flag(CLI::App& app, const std::string& name, bool& value, const std::string& help) {
  app.add_flag(name, value, help);
}

const char* to_string(Schedule schedule) {
  switch (schedule) {
    case Schedule::tasks:
      return "tasks";
    case Schedule::bulk:
      return "bulk";
    case Schedule::kokkos:
      return "kokkos";
  }
  return "unknown";
}

bool parse_options(int argc, const char* const* argv, Options& options, bool print) {
  CLI::App app(options.app_description(), options.app_name());
  app.set_version_flag(
      "--version", [&options] { return version_text(options); },
      "print version, commit, compiler and what was built in");
  declare_common(app, options);
  options.declare(app);
  app.allow_extras();  // so that they can be named by us
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    if (print) fmt::print("{}", app.help());
    return false;
  } catch (const CLI::CallForVersion& version) {
    if (print) fmt::print("{}", version.what());
    return false;
  } catch (const CLI::ParseError& error) {
    usage_error("{} ({} --help lists the options)", error.what(), options.app_name());
  }
  if (const auto extras = app.remaining(); !extras.empty())
    usage_error("unknown {} '{}' ({} --help lists the options)",
                extras[0].starts_with('-') ? "option" : "argument", extras[0], options.app_name());
  check_features(options);
  options.validate();
  return true;
}

}  // namespace tutti
