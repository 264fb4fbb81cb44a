option(BUILD_SHARED_LIBS "Build libfornax as a shared library" OFF)
option(FORNAX_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(FORNAX_BUILD_EXAMPLES "Build the example programs" ${PROJECT_IS_TOP_LEVEL})
option(FORNAX_BUILD_BENCHMARKS "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
set(FORNAX_HDF5 AUTO CACHE STRING "Weights of Keras (.h5) by libhdf5: ON, OFF, or AUTO where it is found")
set_property(CACHE FORNAX_HDF5 PROPERTY STRINGS AUTO ON OFF)
option(FORNAX_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(FORNAX_CUDA OFF CACHE STRING "The CUDA backend: OFF, ON, or SIM (simulated, for tests)")
set_property(CACHE FORNAX_CUDA PROPERTY STRINGS OFF ON SIM)
set(FORNAX_SANITIZE "" CACHE STRING "Sanitizers to build with: address, undefined, thread (a ;-list)")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

if(FORNAX_CUDA STREQUAL "ON")
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80) # packages: 75-real;80-real;86-real;89-real;90-real;100-real;120
  endif()
  enable_language(CUDA)
endif()
option(FORNAX_SIM_OWN_HEADERS "Build SIM by the headers of cuda/sim/include even if the CUDA Toolkit is there" OFF)
option(FORNAX_SIM_TRACKED "Build SIM with every access of a kernel checked" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# Rebuilds of unchanged files are free where ccache is installed; nothing depends on it.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# What every target of this project is compiled with. Private: nothing of it reaches a consumer.
add_library(fornax_flags INTERFACE)
target_compile_options(fornax_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Woverloaded-virtual;-Werror>"
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-missing-field-initializers> # designated initialisers leave the defaults
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict> # GCC bug 105651: std::string
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-missing-field-initializers -Wno-missing-designated-field-initializers -Wno-unknown-warning-option>)
foreach(sanitizer IN LISTS FORNAX_SANITIZE)
  target_compile_options(fornax_flags INTERFACE -fsanitize=${sanitizer} -fno-omit-frame-pointer)
  if(sanitizer STREQUAL "undefined")
    target_compile_options(fornax_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
  target_link_options(fornax_flags INTERFACE -fsanitize=${sanitizer})
endforeach()
if(FORNAX_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(fornax_flags INTERFACE -Wno-maybe-uninitialized) # instrumented, std::regex looks so to GCC 12
endif()
