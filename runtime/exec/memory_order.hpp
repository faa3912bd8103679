// The choices that the compiler's sanitizer and the processor force on lock-free code, kept in one place.
#pragma once

#include <atomic>

namespace tutti {

/// Bytes that travel together between cores: what two threads write is kept this far apart.
inline constexpr std::size_t cache_line_size_bytes = 64;

/// ThreadSanitizer does not understand fences; in its build the operations around a fence are seq_cst.
#ifdef TUTTI_THREAD_SANITIZER
inline constexpr bool fences_are_understood = false;
#else
inline constexpr bool fences_are_understood = true;
#endif

/// A hint inside a spin loop: gives the core's other hardware thread a chance and saves power.
inline void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace tutti
