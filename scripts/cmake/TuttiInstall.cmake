# cmake --install: libraries, headers, programs, and the package that find_package(Tutti) finds. The tree may be
# moved. Headers keep their paths: PREFIX/include/tutti/{tutti.hpp,runtime,kernels}, with both PREFIX/include and
# PREFIX/include/tutti in the users' include path, so that a source reads the same inside and outside.
if(TUTTI_SANITIZE)
  install(CODE "message(FATAL_ERROR \"A build with sanitizers is not for installing: its users would need the same \
flags. Install the preset release or minimal.\")")
  return()
endif()

# What reaches users' code. Their kernels must obey the rule on floating-point arithmetic, else their bits depend
# on compiler and schedule (options of a target come after CMAKE_CXX_FLAGS and win). -march=native stays inside:
#  - a program may be built for other nodes than this one; whoever wants vectors of this processor in kernels of
#    their own says -march=native there;
#  - nothing that library and program share depends on it: headers whose types or code do (vectors as wide as
#    the processor's) are not installed, so both see one definition of everything;
#  - of an inline function that both have, the linker keeps one, and either is right where the library runs.
# The library itself runs only on processors like the one it was built on, unless built with TUTTI_NATIVE=OFF.
target_compile_options(tutti_runtime INTERFACE
  "$<INSTALL_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:${TUTTI_ARITHMETIC}>>")
target_link_options(tutti_runtime INTERFACE "$<INSTALL_INTERFACE:-fno-fast-math>")  # else numbers near 0 are flushed
target_compile_features(tutti_runtime INTERFACE cxx_std_20)
target_include_directories(tutti_runtime INTERFACE
  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR};${CMAKE_INSTALL_INCLUDEDIR}/tutti>")

install(TARGETS tutti_runtime tutti_kernels EXPORT TuttiTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TUTTI_CUDA)
  install(TARGETS tutti_gpu EXPORT TuttiTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(FILES ${PROJECT_BINARY_DIR}/include/tutti/tutti.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tutti)
install(DIRECTORY runtime kernels DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tutti FILES_MATCHING PATTERN "*.hpp"
        PATTERN runtime/exec EXCLUDE PATTERN "hdf5*.hpp" EXCLUDE PATTERN "matrix_market_*.hpp" EXCLUDE
        PATTERN io/line_blocks.hpp EXCLUDE PATTERN io/input_file.hpp EXCLUDE PATTERN insight/topology.hpp EXCLUDE                  # internals
        PATTERN data/stream.hpp EXCLUDE PATTERN stencil/sweep.hpp EXCLUDE PATTERN nn/simd.hpp EXCLUDE)  # depend on the processor

include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Tutti)
configure_file(scripts/cmake/TuttiConfig.cmake.in ${PROJECT_BINARY_DIR}/package/TuttiConfig.cmake @ONLY)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/TuttiConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/TuttiConfig.cmake ${PROJECT_BINARY_DIR}/package/TuttiConfigVersion.cmake
        scripts/cmake/TuttiDependencies.cmake DESTINATION ${package})
install(EXPORT TuttiTargets NAMESPACE Tutti:: DESTINATION ${package})
