# Configures and builds the CUDA device and its checks alone, and starts them: on a machine with a GPU they must
# pass, on one without they must say in one line that there is none, and end with status 3.
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -G Ninja -DCMAKE_BUILD_TYPE=Release
                        -DTUTTI_GPU_CHECK=ON -DCMAKE_CUDA_ARCHITECTURES=90 -DCMAKE_CUDA_COMPILER=${NVCC}
                        -DCMAKE_CXX_COMPILER=${CXX}
                OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "configuring failed:\n${said}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} -j 2
                OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "building failed:\n${said}")
elseif(said MATCHES "warning: ")
  message(FATAL_ERROR "warnings:\n${said}")
endif()
execute_process(COMMAND ${BUILD}/bin/gpu_check
                OUTPUT_VARIABLE out ERROR_VARIABLE error RESULT_VARIABLE status)
if(status EQUAL 3)
  if(NOT error MATCHES "^tutti: error: no CUDA device was found [^\n]*\n$" OR NOT out STREQUAL "")
    message(FATAL_ERROR "without a device it has to say so in one line, not:\n${out}${error}")
  endif()
  message("no device here: ${error}")
elseif(NOT status EQUAL 0)
  message(FATAL_ERROR "status ${status}:\n${out}${error}")
endif()
execute_process(COMMAND ${BUILD}/bin/gpu_check --seed x OUTPUT_QUIET ERROR_VARIABLE error RESULT_VARIABLE status)
if(NOT status EQUAL 2)
  message(FATAL_ERROR "bad usage ends with status ${status}: ${error}")
endif()
