#include <cstdint>
#include <memory>
#include <new>

#include "kernels/nn/gemm.hpp"

namespace tutti::kernels::nn {
namespace {

constexpr std::align_val_t line{64};

struct Freed {
  void operator()(void* memory) const { ::operator delete(memory, line); }
};
struct Piece {
  std::unique_ptr<void, Freed> memory;
  std::int64_t size_bytes = 0;
};

}  // namespace

template <class T>
T* scratch(int slot, std::int64_t n) {
  thread_local Piece pieces[slots];
  Piece& piece = pieces[slot];
  const std::int64_t wanted_bytes = n * static_cast<std::int64_t>(sizeof(T));
  if (wanted_bytes > piece.size_bytes) {
    piece.memory.reset(::operator new(static_cast<std::size_t>(wanted_bytes), line));
    piece.size_bytes = wanted_bytes;
  }
  return static_cast<T*>(piece.memory.get());
}

template float* scratch<float>(int slot, std::int64_t n);
template double* scratch<double>(int slot, std::int64_t n);

}  // namespace tutti::kernels::nn
