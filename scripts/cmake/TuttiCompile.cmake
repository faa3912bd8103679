# Flags that all targets share. Results are the same bits in every schedule, so nothing may contract, reorder
# or approximate floating-point arithmetic behind the program's back.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1")  # asserts stay on: they are cheap and outside hot loops
string(TOUPPER "${CMAKE_BUILD_TYPE}" TUTTI_BUILD_TYPE)

set(TUTTI_ARITHMETIC -ffp-contract=off -fno-fast-math)

add_library(tutti_flags INTERFACE)
target_compile_options(tutti_flags INTERFACE -Wall -Wextra ${TUTTI_ARITHMETIC})
target_include_directories(tutti_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(TUTTI_NATIVE)
  target_compile_options(tutti_flags INTERFACE -march=native -mprefer-vector-width=512)
endif()
if(TUTTI_SANITIZE STREQUAL "address")
  # without the checks at every use of a pointer: they take a quarter of the build, and the address sanitizer sees most of it
  target_compile_options(tutti_flags INTERFACE -fsanitize=address,undefined -fno-sanitize=null,alignment,object-size,vptr
                         -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tutti_flags INTERFACE -fsanitize=address,undefined)
elseif(TUTTI_SANITIZE STREQUAL "thread")
  target_compile_options(tutti_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_compile_definitions(tutti_flags INTERFACE TUTTI_THREAD_SANITIZER)
  target_link_options(tutti_flags INTERFACE -fsanitize=thread)
elseif(TUTTI_SANITIZE)
  message(FATAL_ERROR "TUTTI_SANITIZE is '${TUTTI_SANITIZE}'; it must be address, thread or empty")
endif()
if(TUTTI_FUZZ)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -fsanitize=fuzzer-no-link)  # no main of its own
  check_cxx_source_compiles("int main() { return 0; }" TUTTI_HAS_LIBFUZZER)
  unset(CMAKE_REQUIRED_FLAGS)
  if(TUTTI_HAS_LIBFUZZER)
    target_compile_options(tutti_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(tutti_flags INTERFACE -fsanitize=fuzzer-no-link)
  endif()
endif()
