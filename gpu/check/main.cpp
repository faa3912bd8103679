// gpu_check: checks the device against the host and measures it. Needs a GPU and no library but CUDA's.
//   gpu_check [--seed N] [--json FILE] [--part NAME]...
//   gpu_check --list       names of the parts, one a line; without --part all of them run
// The JSON file always holds all that was found so far. Exit status: 0 all checks passed, 1 some failed, 2
// bad usage, 3 no device or a failing environment.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gpu/check/checks.hpp"
#include "gpu/check/measure.hpp"
#include "gpu/cuda_device.hpp"
#include "gpu/nn/product.hpp"
#include "runtime/exception.hpp"

namespace {

using namespace tutti;
using namespace tutti::gpu_check;

/// One thing that gpu_check does, and does not need another for.
struct Part {
  std::string name;
  std::function<void(std::uint64_t seed, Report& report)> run;
};

Part checks(const std::string& name, gpu::Bodies bodies, void (*check)(Bench&)) {
  return {name, [=](std::uint64_t seed, Report& report) {
            gpu::CudaDevice device({0, 1}, bodies);
            std::mt19937_64 random(seed);
            Bench bench{device, device.make_stream(), random, report,
                        bodies == gpu::Bodies::tuned ? "tuned" : "generic"};
            check(bench);
          }};
}

Part measurements(const std::string& name, void (*measure)(Measurement&)) {
  return {name, [=](std::uint64_t, Report& report) {
            gpu::CudaDevice device({0, 1});
            Measurement m{device, device.make_stream(), report};
            measure(m);
          }};
}

/// Products in each precision. How far a product of k terms may be off: its factors are rounded to 24, 11 or
/// 8 bits.
void check_precisions(std::uint64_t seed, Report& report) {
  const std::pair<const char*, double> precisions[] = {{"float32", 1e-5}, {"tf32", 4e-3}, {"bf16", 3e-2}};
  const char* const before = std::getenv("TUTTI_CUDA_PRODUCTS");
  const std::string kept = before == nullptr ? "" : before;
  for (const auto& [precision, tolerance] : precisions) {
    setenv("TUTTI_CUDA_PRODUCTS", precision, 1);
    gpu::CudaDevice device({0, 1}, gpu::Bodies::tuned);
    std::mt19937_64 random(seed);
    Bench bench{device, device.make_stream(), random, report, precision, tolerance};
    check_products(bench);
  }
  if (before == nullptr)
    unsetenv("TUTTI_CUDA_PRODUCTS");
  else
    setenv("TUTTI_CUDA_PRODUCTS", kept.c_str(), 1);
}

/// Their figures are beside the rate of cuBLAS.
void measure_products_and_nets(Measurement& m) {
  measure_products(m);
  measure_nets(m);
}

const std::vector<Part>& parts() {
  using gpu::Bodies;
  static const std::vector<Part> all{
      checks("border", Bodies::tuned, check_border),
      checks("vectors", Bodies::tuned, check_vectors),
      checks("scalars and loops", Bodies::tuned, check_scalars),
      checks("sparse", Bodies::tuned, check_sparse),
      checks("nets", Bodies::tuned, check_nets),
      {"products", check_precisions},
      checks("generic stencils", Bodies::generic, check_stencils),
      checks("tuned stencils", Bodies::tuned, check_stencils),
      measurements("measuring memory", measure_memory),
      measurements("measuring launches", measure_launches),
      measurements("measuring stencils", measure_stencils),
      measurements("measuring vectors", measure_vectors),
      measurements("measuring sparse products", measure_sparse),
      measurements("measuring products and nets", measure_products_and_nets),
  };
  return all;
}

const Part& part(const std::string& name) {
  for (const Part& p : parts())
    if (p.name == name) return p;
  throw Error(Status::usage, "gpu_check: there is no part '" + name + "'; --list has their names");
}

struct Arguments {
  std::uint64_t seed = std::random_device{}();
  std::string json;
  bool list = false;
  std::vector<Part> parts;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--list") {
      a.list = true;
      continue;
    }
    if (word != "--seed" && word != "--json" && word != "--part")
      throw Error(Status::usage, "gpu_check: unknown option '" + word +
                                     "'; there are --seed N, --json FILE, --part NAME, --list");
    if (++i == argc) throw Error(Status::usage, "gpu_check: " + word + " needs a value");
    const std::string value = argv[i];
    if (word == "--json") {
      a.json = value;
    } else if (word == "--part") {
      a.parts.push_back(part(value));
    } else {
      const auto end = value.data() + value.size();
      if (std::from_chars(value.data(), end, a.seed).ptr != end || value.empty())
        throw Error(Status::usage, "gpu_check: --seed takes a whole number, not '" + value + "'");
    }
  }
  if (a.parts.empty()) a.parts = parts();
  return a;
}

int run(int argc, char** argv) {
  const Arguments a = parse(argc, argv);
  if (a.list) {
    for (const Part& p : a.parts) std::printf("%s\n", p.name.c_str());
    return 0;
  }
  gpu::device_count();
  Report report;
  report.fact("device", gpu::CudaDevice({0, 1}).name());
  report.fact("products of nets", gpu::product_library());
  report.fact("seed", std::to_string(a.seed));
  if (!a.json.empty()) report.keep_in(a.json);
  std::printf("gpu_check: seed %llu\n", static_cast<unsigned long long>(a.seed));
  for (const Part& p : a.parts) {
    try {
      p.run(a.seed, report);
    } catch (const std::exception& e) {  // a check that failed; the others stay in the report
      report.check(p.name, false, e.what());
    }
  }
  std::printf("gpu_check: %zu checks, %s\n", report.checks(),
              report.all_passed() ? "all passed" : "some failed");
  return report.all_passed() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const tutti::Error& e) {
    std::fprintf(stderr, "tutti: error: %s\n", e.what());
    return static_cast<int>(e.status());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tutti: error: %s\n", e.what());
    return 3;
  }
}
