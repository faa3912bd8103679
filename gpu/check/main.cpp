// gpu_check: checks the device against the host and measures it. Needs a GPU and no library but CUDA's.
//   gpu_check [--seed N] [--json FILE] [--checks-only]
// Exit status: 0 all checks passed, 1 some failed, 2 bad usage, 3 no device or a failing environment.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include "gpu/check/checks.hpp"
#include "gpu/check/measure.hpp"
#include "gpu/cuda_device.hpp"
#include "gpu/nn/product.hpp"
#include "runtime/exception.hpp"

namespace {

using namespace tutti;
using namespace tutti::gpu_check;

struct Arguments {
  std::uint64_t seed = 0;
  bool has_seed = false;
  std::string json;
  bool checks_only = false;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--checks-only") {
      a.checks_only = true;
      continue;
    }
    if (word != "--seed" && word != "--json")
      throw Error(Status::usage,
                  "gpu_check: unknown option '" + word + "'; there are --seed N, --json FILE, --checks-only");
    if (++i == argc) throw Error(Status::usage, "gpu_check: " + word + " needs a value");
    const std::string value = argv[i];
    if (word == "--json") {
      a.json = value;
      continue;
    }
    const auto end = value.data() + value.size();
    if (std::from_chars(value.data(), end, a.seed).ptr != end || value.empty())
      throw Error(Status::usage, "gpu_check: --seed takes a whole number, not '" + value + "'");
    a.has_seed = true;
  }
  if (!a.has_seed) a.seed = std::random_device{}();
  return a;
}

/// What throws is a check that failed, and the others stay in the report.
void attempt(Report& report, const std::string& what, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& e) {
    report.check(what, false, e.what());
  }
}

void check(gpu::Bodies bodies, const std::string& name, std::uint64_t seed, Report& report) {
  gpu::CudaDevice device({0, 1}, bodies);
  std::mt19937_64 random(seed);
  Bench bench{device, device.make_stream(), random, report, name};
  if (bodies == gpu::Bodies::tuned) {
    attempt(report, name + " border", [&] { check_border(bench); });
    attempt(report, name + " vectors", [&] { check_vectors(bench); });
    attempt(report, name + " sparse", [&] { check_sparse(bench); });
    attempt(report, name + " nets", [&] { check_nets(bench); });
  }
  attempt(report, name + " stencils", [&] { check_stencils(bench); });
}

/// Products of each precision. How far a product of k terms may be off: its factors are
/// rounded to 24, 11 or 8 bits.
void check_precisions(std::uint64_t seed, Report& report) {
  const std::pair<const char*, double> precisions[] = {{"float32", 1e-5}, {"tf32", 4e-3}, {"bf16", 3e-2}};
  const char* const before = std::getenv("TUTTI_CUDA_PRODUCTS");
  const std::string kept = before == nullptr ? "" : before;
  for (const auto& [precision, tolerance] : precisions) {
    setenv("TUTTI_CUDA_PRODUCTS", precision, 1);
    gpu::CudaDevice device({0, 1}, gpu::Bodies::tuned);
    std::mt19937_64 random(seed);
    Bench bench{device, device.make_stream(), random, report, precision, tolerance};
    attempt(report, std::string(precision) + " products", [&] { check_products(bench); });
  }
  if (before == nullptr)
    unsetenv("TUTTI_CUDA_PRODUCTS");
  else
    setenv("TUTTI_CUDA_PRODUCTS", kept.c_str(), 1);
}

void measure(Report& report) {
  gpu::CudaDevice device({0, 1});
  Measurement m{device, device.make_stream(), report};
  attempt(report, "measuring memory", [&] { measure_memory(m); });
  attempt(report, "measuring launches", [&] { measure_launches(m); });
  attempt(report, "measuring stencils", [&] { measure_stencils(m); });
  attempt(report, "measuring vectors", [&] { measure_vectors(m); });
  attempt(report, "measuring sparse products", [&] { measure_sparse(m); });
  attempt(report, "measuring products", [&] { measure_products(m); });
  attempt(report, "measuring nets", [&] { measure_nets(m); });
}

int run(int argc, char** argv) {
  const Arguments a = parse(argc, argv);
  gpu::device_count();
  Report report;
  report.fact("device", gpu::CudaDevice({0, 1}).name());
  report.fact("products of nets", gpu::product_library());
  report.fact("seed", std::to_string(a.seed));
  std::printf("gpu_check: seed %llu\n", static_cast<unsigned long long>(a.seed));
  attempt(report, "generic bodies", [&] { check(gpu::Bodies::generic, "generic", a.seed, report); });
  attempt(report, "tuned bodies", [&] { check(gpu::Bodies::tuned, "tuned", a.seed, report); });
  attempt(report, "products", [&] { check_precisions(a.seed, report); });
  if (!a.checks_only) attempt(report, "measurements", [&] { measure(report); });
  if (!a.json.empty()) report.write_json(a.json);
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
