// How the kernels of nets see a block of threads. Their algorithms are templates over it, in headers free of
// CUDA: a Block runs a function for each of its threads, keeps values private to a thread, and adds them up
// in groups of neighbours. CudaBlock (block.cuh) is that of the device; tests/unit/block_player.hpp plays all
// threads on the host.
//
//   Block::count                         threads
//   Block::Private<T> v                  a T of each thread: v[t]
//   block.each(f)                        f(t) by each thread t, then a barrier
//   block.each_alone(f)                  without the barrier
//   block.sum<width>(v), greatest<width> every thread gets the result of the `width` neighbouring threads
//   that
//                                        it belongs to (a power of two, at most 32), formed in halves
//   block.sum_up_to(v)                   the sum over the threads of its 32 up to itself
#pragma once

#if defined(__CUDACC__)
#define TUTTI_DEVICE __device__ __forceinline__
#else
#define TUTTI_DEVICE inline
#endif
