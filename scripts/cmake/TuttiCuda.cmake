# The CUDA compiler and what belongs to it. Included where TUTTI_CUDA or TUTTI_GPU_CHECK is on: nothing else here
# needs nvcc. TUTTI_CUDA_HINTS: folders in which NVIDIA's libraries are looked for, beside the toolkit.
set(TUTTI_CUDA_HINTS "" CACHE STRING "Folders with cuBLAS and cuSPARSE (include/, lib/), where the toolkit has none")
if(NOT CMAKE_CUDA_COMPILER)
  find_program(TUTTI_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  if(NOT TUTTI_NVCC)
    message(FATAL_ERROR "nvcc was not found. Load a module with CUDA 12 or newer, or put nvcc on PATH; without it: -DTUTTI_CUDA=OFF.")
  endif()
  set(CMAKE_CUDA_COMPILER ${TUTTI_NVCC} CACHE FILEPATH "The CUDA compiler")
endif()
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90 CACHE STRING "Compute capabilities to compile for, times ten")
endif()
if(NOT CMAKE_CUDA_HOST_COMPILER)
  set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER} CACHE FILEPATH "The host compiler of nvcc")
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "nvcc ${CMAKE_CUDA_COMPILER_VERSION} is too old: CUDA 12 or newer is needed.")
endif()
find_package(CUDAToolkit REQUIRED)

# Flags of all CUDA sources. CMake 3.25 knows no flag for C++20 of nvcc and drops it, so it is said here;
# -fmad=false: results have the host's bits.
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED OFF)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3")
set(TUTTI_CUDA_OPTIONS -std=c++20 --expt-relaxed-constexpr --extended-lambda -fmad=false -lineinfo
    "SHELL:-Xcompiler=-Wall,-ffp-contract=off,-fno-fast-math")

# A library of NVIDIA that may be missing, or be there under its full name alone (as Python packages have it).
function(tutti_nvidia_library name header)
  find_library(TUTTI_${name} NAMES ${name} lib${name}.so.13 lib${name}.so.12
               HINTS ${CUDAToolkit_LIBRARY_DIR} ${TUTTI_CUDA_HINTS} PATH_SUFFIXES lib lib64)
  find_path(TUTTI_${name}_INCLUDE ${header} HINTS ${CUDAToolkit_INCLUDE_DIRS} ${TUTTI_CUDA_HINTS} PATH_SUFFIXES include)
  if(TUTTI_${name} AND TUTTI_${name}_INCLUDE)
    add_library(tutti_${name} INTERFACE)
    target_link_libraries(tutti_${name} INTERFACE ${TUTTI_${name}})
    target_include_directories(tutti_${name} SYSTEM INTERFACE ${TUTTI_${name}_INCLUDE})
  endif()
endfunction()
tutti_nvidia_library(cublas cublas_v2.h)
tutti_nvidia_library(cublasLt cublasLt.h)
tutti_nvidia_library(cusparse cusparse.h)
