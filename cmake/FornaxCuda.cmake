# fornax_add_kernels(<target> <file.cu>...) compiles kernels into <target>: by nvcc, or, for the simulated device,
# as C++. What they are compiled with is in fornax_cuda_flags (cuda/CMakeLists.txt).
function(fornax_add_kernels target)
  set(kernels ${target}_kernels)
  add_library(${kernels} OBJECT ${ARGN})
  target_link_libraries(${kernels} PRIVATE fornax_cuda_flags)
  if(FORNAX_CUDA STREQUAL "ON")
    target_compile_options(${kernels} PRIVATE -std=c++20 --expt-relaxed-constexpr
      -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Werror)
  else()
    set_source_files_properties(${ARGN} TARGET_DIRECTORY ${kernels} PROPERTIES LANGUAGE CXX)
    # A simulated kernel runs as fast at -O1 as at -O3, and compiles in half the time.
    target_compile_options(${kernels} PRIVATE -xc++ -O1 -Wno-unknown-pragmas -Wno-maybe-uninitialized)
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${kernels}>)
endfunction()
