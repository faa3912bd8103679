# What a user of the package does: install a build, configure, build and run an outside project against it.
#   cmake -DBUILD=<build of Tutti> -DSOURCE=<outside project> -DWORK=<folder> -DCOMPILER=<C++ compiler>
#         -DMPIEXEC=<launcher, or empty without MPI> -P install_and_build.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "'${ARGN}' ended with status ${status}:\n${text}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

function(expect part)
  string(FIND "${text}" "${part}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "expected '${part}' in:\n${text}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
file(RENAME ${WORK}/installed ${WORK}/moved)  # the tree must not know where it was installed
run(${WORK}/moved/bin/heat --version)
expect("Tutti")

set(configure ${CMAKE_COMMAND} -S ${SOURCE} -G Ninja -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${WORK}/moved)
run(${configure} -B ${WORK}/build -DCMAKE_CXX_FLAGS=-ffast-math
    -DCMAKE_PROJECT_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/no_fast_math.cmake)
run(${CMAKE_COMMAND} --build ${WORK}/build --parallel 2)
run(${WORK}/build/life --threads 2)
expect("verified")
if(MPIEXEC)
  run(${MPIEXEC} -n 2 --bind-to none ${WORK}/build/life --threads 1)
  expect("2 ranks")
  expect("verified")
endif()

# a dependency that is not there is named with the way to get it
execute_process(COMMAND ${configure} -B ${WORK}/without -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON
                RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(status EQUAL 0)
  message(FATAL_ERROR "configured without fmt:\n${text}")
endif()
string(REGEX REPLACE "[ \n]+" " " text "${text}")  # CMake breaks lines
expect("fmt was not found. Debian and Ubuntu: apt-get install libfmt-dev.")
file(REMOVE_RECURSE ${WORK})
