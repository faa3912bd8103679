// Products by cuBLASLt. Its matrices are column-major, so c = a b is computed as c^T = b^T a^T, and nothing
// is copied.
#include <algorithm>
#include <memory>
#include <string>

#include <cublasLt.h>

#include "gpu/cuda_check.hpp"
#include "gpu/device_array.hpp"
#include "gpu/nn/product.hpp"

namespace tutti::gpu {
namespace {

using kernels::nn::Activation;

void check_lt(cublasStatus_t status, const char* doing) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(Status::environment, std::string("cuBLASLt: ") + doing + ": " + cublasLtGetStatusName(status));
}

/// One for all products of the process; it stays to the end, as the device's memory does.
cublasLtHandle_t library() {
  static cublasLtHandle_t handle = [] {
    cublasLtHandle_t h = nullptr;
    check_lt(cublasLtCreate(&h), "starting");
    return h;
  }();
  return handle;
}

/// Something of cuBLASLt that is destroyed at its end.
template <class Handle, cublasStatus_t (*destroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (handle_ != nullptr) destroy(handle_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle* place() { return &handle_; }
  operator Handle() const { return handle_; }  // NOLINT(google-explicit-constructor): as the library's own

 private:
  Handle handle_ = nullptr;
};
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Description = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

/// The largest power of two, up to 256, that divides the address of each product's matrix.
std::uint32_t alignment(const float* values, std::int64_t batch_stride) {
  const std::uint64_t bits = reinterpret_cast<std::uintptr_t>(values) |
                             static_cast<std::uint64_t>(batch_stride) * sizeof(float) | 256U;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

/// `rows` x `columns` as stored, row-major.
void describe(Layout& layout, std::int64_t rows, std::int64_t columns, std::int64_t stride,
              std::int64_t batch, std::int64_t batch_stride) {
  check_lt(cublasLtMatrixLayoutCreate(layout.place(), CUDA_R_32F, static_cast<std::uint64_t>(columns),
                                      static_cast<std::uint64_t>(rows), stride),
           "describing a matrix");
  const auto count = static_cast<std::int32_t>(batch);
  const auto set = [&](cublasLtMatrixLayoutAttribute_t what, const auto& value) {
    check_lt(cublasLtMatrixLayoutSetAttribute(layout, what, &value, sizeof value), "describing a matrix");
  };
  set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count);
  set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, batch_stride);
}

void describe(Layout& layout, const Matrix& m, std::int64_t rows, std::int64_t columns, std::int64_t batch) {
  describe(layout, m.transposed ? columns : rows, m.transposed ? rows : columns, m.stride, batch,
           m.batch_stride);
}

cublasComputeType_t compute_type() {
  switch (product_precision()) {
    case Precision::float32:
      return CUBLAS_COMPUTE_32F;
    case Precision::tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    default:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
  }
}

/// A product with all that its call needs.
class LtProduct {
 public:
  LtProduct(const Product& p, const Epilogue& e) : product_(p), residual_(e.residual) {
    check_lt(cublasLtMatmulDescCreate(description_.place(), compute_type(), CUDA_R_32F),
             "describing a product");
    set(CUBLASLT_MATMUL_DESC_TRANSA, p.b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, p.a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    set_epilogue(e);
    describe(a_, p.a, p.m, p.k, p.batch);
    describe(b_, p.b, p.k, p.n, p.batch);
    describe(c_, p.m, p.n, p.stride, p.batch, p.batch_stride);
  }

  /// Asks the library for a way to do it; false if there is none.
  bool choose() {
    Preference preference;
    check_lt(cublasLtMatmulPreferenceCreate(preference.place()), "choosing a product");
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t what, const auto& value) {
      check_lt(cublasLtMatmulPreferenceSetAttribute(preference, what, &value, sizeof value),
               "choosing a product");
    };
    const std::uint64_t most_workspace = 64U << 20U;
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most_workspace);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment(product_.b.values, product_.b.batch_stride));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment(product_.a.values, product_.a.batch_stride));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
           alignment(residual_ != nullptr ? residual_ : product_.c, product_.batch_stride));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment(product_.c, product_.batch_stride));
    cublasLtMatmulHeuristicResult_t result{};
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(library(), description_, b_, a_, c_, c_,
                                                                 preference, 1, &result, &found);
    if (status != CUBLAS_STATUS_SUCCESS || found == 0) return false;
    algorithm_ = result.algo;
    workspace_ = DeviceArray<std::byte>(result.workspaceSize);
    return true;
  }

  void run(cudaStream_t stream) const {
    const float one = 1, beta = residual_ != nullptr ? 1 : 0;
    const float* c = residual_ != nullptr ? residual_ : product_.c;
    check_lt(
        cublasLtMatmul(library(), description_, &one, product_.b.values, b_, product_.a.values, a_, &beta, c,
                       c_, product_.c, c_, &algorithm_, workspace_.data(), workspace_.size(), stream),
        "multiplying matrices");
  }

 private:
  template <class T>
  void set(cublasLtMatmulDescAttributes_t what, const T& value) {
    check_lt(cublasLtMatmulDescSetAttribute(description_, what, &value, sizeof value),
             "describing a product");
  }

  void set_epilogue(const Epilogue& e) {
    cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    const void* bias = e.bias;
    std::int64_t bias_stride = 0;
    if (e.activation == Activation::relu) {
      epilogue = e.bias != nullptr ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    } else if (e.activation == Activation::gelu) {
      epilogue = e.bias != nullptr ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
    } else if (e.bias != nullptr) {
      epilogue = CUBLASLT_EPILOGUE_BIAS;
    } else if (e.column_sums != nullptr) {
      epilogue = CUBLASLT_EPILOGUE_BGRADA;  // the library's first factor is our second
      bias = e.column_sums;
      bias_stride = e.column_sums_stride;
    }
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    if (bias != nullptr) {
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
      if (bias_stride != 0) set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, bias_stride);
    }
    if (e.before != nullptr) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, static_cast<void*>(e.before));
      set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, product_.stride);
      if (product_.batch > 1) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, product_.batch_stride);
    }
  }

  Product product_;
  const float* residual_;
  Description description_;
  Layout a_, b_, c_;
  cublasLtMatmulAlgo_t algorithm_{};
  DeviceArray<std::byte> workspace_;
};

}  // namespace

Step multiply(const Product& product, const Epilogue& epilogue) {
  // what the library asks of the array that GELU's derivative reads
  if (epilogue.before != nullptr &&
      (product.stride % 8 != 0 || alignment(epilogue.before, product.batch_stride) < 16))
    return nullptr;
  auto chosen = std::make_shared<LtProduct>(product, epilogue);
  if (!chosen->choose()) {
    if (epilogue.bias != nullptr || epilogue.residual != nullptr || epilogue.column_sums != nullptr ||
        epilogue.activation != Activation::none)
      return nullptr;
    throw Error(Status::environment, "cuBLASLt has no product of " + std::to_string(product.m) + " x " +
                                         std::to_string(product.k) + " and " + std::to_string(product.k) +
                                         " x " + std::to_string(product.n) + " matrices");
  }
  return [chosen](cudaStream_t stream) { chosen->run(stream); };
}

const char* product_library() {
  switch (product_precision()) {
    case Precision::float32:
      return "cuBLASLt, float32";
    case Precision::tf32:
      return "cuBLASLt, TF32";
    default:
      return "cuBLASLt, bf16";
  }
}

}  // namespace tutti::gpu
