// Products with HPCG's matrix in SELL, beside cuSPARSE's with the same matrix in CSR.
#include <vector>

#include "gpu/check/fields.hpp"
#include "gpu/check/grid_system.hpp"
#include "gpu/check/measure.hpp"
#include "gpu/check/mirror.hpp"
#include "gpu/check/vendor.hpp"
#include "kernels/sparse/sparse.hpp"

namespace tutti::gpu_check {
namespace {

/// Rows in the order of tiles, columns numbered over all rows.
CsrMatrix whole(const GridSystem& grid) {
  CsrMatrix m;
  m.rows = grid.rows();
  m.first.push_back(0);
  for (std::size_t t = 0; t < grid.tiles().size(); ++t) {
    const GridTile& tile = grid.tiles()[t];
    std::vector<std::int32_t> global;
    for (std::uint32_t c = 0; c < tile.csr.rows; ++c)
      global.push_back(static_cast<std::int32_t>(grid.first_row(t) + c));
    for (const auto& p : tile.parts)
      for (const std::uint32_t row : p.positions)
        global.push_back(static_cast<std::int32_t>(grid.first_row(p.producer) + row));
    for (std::uint32_t k = 0; k < tile.csr.entries(); ++k) {
      m.column.push_back(global[tile.csr.column[k]]);
      m.value.push_back(tile.values[k]);
    }
    for (std::uint32_t row = 0; row < tile.csr.rows; ++row)
      m.first.push_back(m.first.back() + static_cast<std::int32_t>(tile.first[row + 1] - tile.first[row]));
  }
  return m;
}

}  // namespace

void measure_sparse(Measurement& m) {
  GridSystem grid(128, 16);
  const auto rows = static_cast<std::size_t>(grid.rows());
  std::vector<double> x(rows, 1.0), y(rows);
  Mirror mirror(m.device, m.stream);
  mirror.add(x);
  mirror.add(y);
  std::vector<std::uint64_t> none(grid.tiles().size());
  mirror.add(none);
  std::vector<std::vector<Argument>> lists;
  std::vector<std::vector<ColumnPart>> parts(grid.tiles().size());
  for (std::size_t t = 0; t < grid.tiles().size(); ++t) {
    GridTile& tile = grid.tiles()[t];
    Argument vector;
    vector.box = {{0, 0, grid.first_row(t)}, {1, 1, grid.first_row(t + 1)}};
    for (const auto& p : tile.parts) {
      parts[t].push_back({x.data() + grid.first_row(p.producer), p.positions.data(),
                          static_cast<std::uint32_t>(p.positions.size())});
    }
    Argument columns = vector, matrix = vector;
    vector.data = y.data() + grid.first_row(t);
    columns.data = x.data() + grid.first_row(t);
    columns.parts = parts[t].data();
    columns.input_count = static_cast<std::uint32_t>(parts[t].size());
    matrix.data = &tile.sell;
    lists.push_back({matrix, columns, vector});
  }
  const Kernel kernel = kernels::spmv_sell(27);
  const auto launch = m.device.prepare(mirror.launch(kernel, lists, none));
  const double ours = Stopwatch(m.cuda_stream()).seconds([&] { m.launch(*launch); });
  const double flops = 2.0 * static_cast<double>(grid.entries());
  // what the product has to move: values, columns of 16 bits, x and y once
  const double bytes = 10.0 * static_cast<double>(grid.entries()) + 16.0 * static_cast<double>(rows);
  m.report.figure({"spmv SELL, HPCG 128^3: bytes", bytes / ours * 1e-9, "GB/s", "copy bandwidth",
                   m.copy_bytes_per_s() * 1e-9, 0});
  const double theirs = vendor_spmv_seconds(whole(grid), m.cuda_stream());
  if (theirs > 0)
    m.report.figure({"spmv SELL, HPCG 128^3", flops / ours * 1e-9, "GFLOP/s", "cuSPARSE CSR",
                     flops / theirs * 1e-9, 1.2});
  else
    m.report.left_out("spmv beside cuSPARSE", "cuSPARSE is not part of this build");
}

void measure_products(Measurement& m) {
  for (const Precision precision : {Precision::bf16, Precision::tf32}) {
    const std::string name =
        std::string("cuBLAS ") + (precision == Precision::bf16 ? "bf16" : "TF32") + " 8192^3";
    const double s = vendor_product_seconds(8192, precision, m.cuda_stream());
    if (s == 0) {
      m.report.left_out(name, "cuBLAS is not part of this build");
      continue;
    }
    const double rate = 2 * 8192.0 * 8192.0 * 8192.0 / s;
    (precision == Precision::bf16 ? m.bf16_flops_per_s : m.tf32_flops_per_s) = rate;
    m.report.figure({name, rate * 1e-12, "TFLOP/s", "", 0, 0});
  }
}

}  // namespace tutti::gpu_check
