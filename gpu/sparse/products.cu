// Products with sparse matrices and what is made of them: one block of threads for each tile, the values that
// the tile reads in shared memory. On CSR tiles a thread has a row, as in the generic launcher; SELL tiles
// are read and DIA tiles are read by neighbouring threads side by side: the tuned ones.
#include "gpu/sparse/tiles.cuh"

namespace tutti::gpu {
namespace {

using Csr = CsrTile<double>;
using Dia = DiaTile<double>;

template <class T>
__device__ const T& tile(const Argument& a) {
  return *static_cast<const T*>(a.data);
}
__device__ Columns<double> columns(const Argument& a) { return detail::ParameterOf<Columns<double>>::get(a); }
__device__ double* vector(const Argument& a) { return static_cast<double*>(a.data); }

/// read(A), read(x, columns(A)), write(y)
template <class Tile, bool with_dot>
struct Product {
  static constexpr std::uint32_t padding = std::is_same_v<Tile, Dia> ? Dia::lanes : 0;
  static std::uint64_t values(const Argument* a) { return tile_on_device<Tile>(a[0]).columns + 2 * padding; }
  static __device__ void run(Thread me, const Argument* a, double* local, double* result) {
    double* y = vector(a[2]);
    const Tile& matrix = tile<Tile>(a[0]);
    local += padding;
    if constexpr (padding > 0) clear_padding<Tile>(me, matrix.columns, local);
    fetch_columns(me, columns(a[1]), local);
    __syncthreads();
    multiply(me, matrix, local, [&](std::uint32_t row, double sum) { y[row] = sum; });
    if constexpr (with_dot) {
      __syncthreads();
      dot_terms(me, y, matrix.rows, local);
      const double sum = block_lane_sum(local, matrix.rows);
      if (me.t == 0) *result = sum;
    }
  }
};

/// read(A), read(x, columns(A)), read(b), write(r)
struct Residual {
  static std::uint64_t values(const Argument* a) { return tile_on_device<Csr>(a[0]).columns; }
  static __device__ void run(Thread me, const Argument* a, double* local, double*) {
    const double* b = vector(a[2]);
    double* r = vector(a[3]);
    fetch_columns(me, columns(a[1]), local);
    __syncthreads();
    multiply(me, tile<Csr>(a[0]), local, [&](std::uint32_t row, double sum) { r[row] = b[row] - sum; });
  }
};

/// read(A), read(r), write(z)
template <bool with_dot>
struct Jacobi {
  static std::uint64_t values(const Argument* a) {
    return with_dot ? static_cast<std::uint64_t>(a[2].box.extent(2)) : 0;
  }
  static __device__ void run(Thread me, const Argument* a, double* local, double* result) {
    const Csr& matrix = tile<Csr>(a[0]);
    const double* r = vector(a[1]);
    double* z = vector(a[2]);
    for (std::uint32_t row = me.t; row < matrix.rows; row += me.threads) {
      const double value = r[row] / matrix.value[matrix.diagonal[row]];
      z[row] = value;
      if constexpr (with_dot) local[row] = r[row] * value;
    }
    if constexpr (with_dot) {
      const double sum = block_lane_sum(local, matrix.rows);
      if (me.t == 0) *result = sum;
    }
  }
};

/// read(F), read(x, columns(F)), read(R), read(r, columns(R)), write(rc): the same rows in both products, so
/// a thread meets what it has written itself.
struct ResidualRestrict {
  static std::uint64_t values(const Argument* a) {
    return std::max(tile_on_device<Csr>(a[0]).columns, tile_on_device<Csr>(a[2]).columns);
  }
  static __device__ void run(Thread me, const Argument* a, double* local, double*) {
    double* to = vector(a[4]);
    fetch_columns(me, columns(a[1]), local);
    __syncthreads();
    multiply(me, tile<Csr>(a[0]), local, [&](std::uint32_t row, double sum) { to[row] = sum; });
    __syncthreads();  // nobody reads x any more
    fetch_columns(me, columns(a[3]), local);
    __syncthreads();
    multiply(me, tile<Csr>(a[2]), local, [&](std::uint32_t row, double sum) { to[row] = sum - to[row]; });
  }
};

/// read(P), read(xc, columns(P)), update(x)
struct Prolong {
  static std::uint64_t values(const Argument* a) { return tile_on_device<Csr>(a[0]).columns; }
  static __device__ void run(Thread me, const Argument* a, double* local, double*) {
    fetch_columns(me, columns(a[1]), local);
    __syncthreads();
    prolong(me, tile<Csr>(a[0]), local, vector(a[2]));
  }
};

}  // namespace

void add_sparse(BodyTable& table) {
  const std::string csr = element_type<Csr>().name, sell = element_type<SellTile<double>>().name;
  table.add("spmv", csr, &TileLaunch<Product<Csr, false>>::prepare);
  table.add("spmv_dot", csr, &TileLaunch<Product<Csr, true>>::prepare);
  table.add("spmv", sell, &TileLaunch<Product<SellTile<double>, false>>::prepare);
  table.add("spmv_dot", sell, &TileLaunch<Product<SellTile<double>, true>>::prepare);
  const std::string dia = element_type<Dia>().name;
  table.add("spmv", dia, &TileLaunch<Product<Dia, false>>::prepare);
  table.add("spmv_dot", dia, &TileLaunch<Product<Dia, true>>::prepare);
  table.add("residual", csr, &TileLaunch<Residual>::prepare);
  table.add("jacobi", csr, &TileLaunch<Jacobi<false>>::prepare);
  table.add("jacobi_dot", csr, &TileLaunch<Jacobi<true>>::prepare);
  table.add("residual_restrict", csr, &TileLaunch<ResidualRestrict>::prepare);
  table.add("prolong", csr, &TileLaunch<Prolong>::prepare);
}

}  // namespace tutti::gpu
