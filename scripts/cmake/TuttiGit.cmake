# Writes build_info.hpp: version, commit, compiler, flags, features. Included, it adds the target tutti_git that
# asks git in every build, so that the commit in a result is the one that was compiled; the header changes only
# when its content does. Run as a script (cmake -P) it is that question.
if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE TUTTI_GIT_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT TUTTI_GIT_COMMIT)
    set(TUTTI_GIT_COMMIT unknown)
  endif()
  configure_file(${TEMPLATE} ${OUTPUT} @ONLY)  # @TUTTI_GIT_COMMIT@, the rest was filled in by configuring
  return()
endif()

set(TUTTI_FEATURES)
foreach(feature MPI HDF5 KOKKOS BLAS CUDA)
  if(TUTTI_${feature})
    string(TOLOWER ${feature} word)
    string(APPEND TUTTI_FEATURES "\"${word}\", ")
  endif()
endforeach()
set(TUTTI_KOKKOS_TEXT none)
if(TUTTI_KOKKOS)
  string(REPLACE ";" " " TUTTI_KOKKOS_TEXT "Kokkos ${Kokkos_VERSION}, ${Kokkos_DEVICES}")
endif()
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
get_target_property(shared_flags tutti_flags INTERFACE_COMPILE_OPTIONS)
string(REPLACE ";" " " TUTTI_FLAGS "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}} ${shared_flags}")
string(STRIP "${TUTTI_FLAGS}" TUTTI_FLAGS)
set(TUTTI_GIT_COMMIT "@TUTTI_GIT_COMMIT@")  # left for the script
configure_file(${CMAKE_CURRENT_LIST_DIR}/build_info.hpp.in ${PROJECT_BINARY_DIR}/build_info.hpp.in @ONLY)

add_custom_target(tutti_git
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DTEMPLATE=${PROJECT_BINARY_DIR}/build_info.hpp.in
          -DOUTPUT=${PROJECT_BINARY_DIR}/include/tutti/build_info.hpp -P ${CMAKE_CURRENT_LIST_FILE}
  BYPRODUCTS ${PROJECT_BINARY_DIR}/include/tutti/build_info.hpp
  COMMENT "" VERBATIM)
