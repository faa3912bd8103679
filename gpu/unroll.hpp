// Before a loop: the device compiler unrolls it. Host compilers see nothing.
#pragma once

#if defined(__CUDA_ARCH__)
#define TUTTI_PRAGMA(text) _Pragma(#text)
#define TUTTI_UNROLL TUTTI_PRAGMA(unroll)
#define TUTTI_UNROLL_BY(count) TUTTI_PRAGMA(unroll count)
#else
#define TUTTI_UNROLL
#define TUTTI_UNROLL_BY(count)
#endif
