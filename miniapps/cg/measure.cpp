#include "miniapps/cg/measure.hpp"

#include <chrono>

#include "runtime/device/device_bandwidth.hpp"
#include "runtime/insight/bandwidth.hpp"
#include "runtime/insight/provenance.hpp"

using namespace tutti;

namespace {

double sum_of_ranks(Transport& transport, double bytes_per_s) {
  return static_cast<double>(transport.sum(static_cast<std::uint64_t>(bytes_per_s))) / 1e9;
}

}  // namespace

ProductBandwidth::ProductBandwidth(Runtime& rt, const LinearSystem& system)
    : rt_(rt),
      bytes_(12.0 * static_cast<double>(system.a.entries())),
      y_(system.a.rows(), "product"),
      product_(rt.record("product", [&](Recorder& r) { system.record_product(r, system.b, y_); })) {
  product_.run(2);
}

void ProductBandwidth::measure() {
  measure_bound();
  constexpr int products = 10;
  rt_.transport().barrier();
  const auto begin = std::chrono::steady_clock::now();
  product_.run(products);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  spmv_gb_s_.push_back(products * bytes_ / rt_.transport().max(took.count()) / 1e9);
  fraction_.push_back(spmv_gb_s_.back() / read_gb_s_.back());
}

void ProductBandwidth::measure_bound() {
  if (rt_.device()) {
    triad_gb_s_.push_back(all_device_copy_bytes_per_s(rt_.transport(), *rt_.device()) / 1e9);
    read_gb_s_.push_back(triad_gb_s_.back());
    return;
  }
  BandwidthOptions options;
  options.threads = static_cast<int>(rt_.workers());
  options.array_bytes = std::max(options.array_bytes, 4 * last_level_cache_bytes());
  options.ranks_on_node = rt_.transport().ranks_on_node();
  options.before_pass = [this] { rt_.transport().barrier(); };
  const Bandwidth bandwidth = memory_bandwidth(options);
  triad_gb_s_.push_back(sum_of_ranks(rt_.transport(), bandwidth.triad_bytes_per_s));
  read_gb_s_.push_back(sum_of_ranks(rt_.transport(), bandwidth.read_bytes_per_s));
}

void ProductBandwidth::report(Report& report) const {
  report.merit("triad_gb_s", triad_gb_s(), "GB/s", "triad bandwidth");
  report.merit("read_gb_s", median_interval(read_gb_s_).median, "GB/s", "read bandwidth");
  report.merit("spmv_gb_s", median_interval(spmv_gb_s_).median, "GB/s", "matrix-vector product");
  report.merit("spmv_fraction_of_read", median_interval(fraction_).median, "1", "its fraction of reading");
}
