// Which kernels have a body on the device, and how a launch of one is prepared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <typeindex>
#include <unordered_map>

#include <cuda_runtime_api.h>

#include "runtime/device/device.hpp"

namespace tutti::gpu {

/// Generic: the functor of kernels/, a thread for each element. Tuned: written for the device, where there is
/// such a body; the generic one is its oracle.
enum class Bodies : std::uint8_t { tuned, generic };

/// A launch whose descriptions lie on the device. Its memory is the launch's own.
class CudaLaunch : public PreparedLaunch {
 public:
  virtual void run(cudaStream_t stream) = 0;
};

/// Makes a launch ready; may copy and wait. The functor is launch.kernel.functor, of the type it is
/// registered for.
using Prepare = std::unique_ptr<CudaLaunch> (*)(const DeviceLaunch& launch);

/// Whether a body has this kernel's shapes.
using Fits = bool (*)(const Kernel& kernel);

/// By the type of the functor, whatever the kernel's name; kernels of matrices, whose functors have no
/// parameters, by name and the type of their matrix.
class BodyTable {
 public:
  explicit BodyTable(Bodies bodies);
  /// Null if there is none.
  Prepare find(const Kernel& kernel) const;
  template <class Functor>
  void add(Prepare prepare, Fits fits = nullptr) {
    by_functor_[std::type_index(typeid(Functor))] = {prepare, fits};
  }
  void add(const std::string& name, const std::string& matrix, Prepare prepare) {
    by_matrix_[name + " of " + matrix] = prepare;
  }

 private:
  struct Body {
    Prepare prepare;
    Fits fits;  // null: any
  };
  std::unordered_map<std::type_index, Body> by_functor_;
  std::unordered_map<std::string, Prepare> by_matrix_;
};

// one per family of kernels
void add_stencils(BodyTable& table, Bodies bodies);
void add_vectors(BodyTable& table);
void add_scalars(BodyTable& table);
void add_sparse(BodyTable& table);
void add_gauss_seidel(BodyTable& table);

}  // namespace tutti::gpu
