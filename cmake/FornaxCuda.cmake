# This file is installed too: there it serves kernels of the package's users.
foreach(kind IN ITEMS STANDARD EXTENSION) # CMake 3.25 does not know that nvcc takes it
  if(NOT DEFINED CMAKE_CUDA20_${kind}_COMPILE_OPTION)
    set(CMAKE_CUDA20_${kind}_COMPILE_OPTION -std=c++20)
  endif()
endforeach()

# fornax_add_kernels(<target> <file.cu>...) compiles kernels into <target>: by nvcc, or, for the simulated device,
# as C++. What they are compiled with is in fornax::kernels.
function(fornax_add_kernels target)
  set(kernels ${target}_kernels)
  add_library(${kernels} OBJECT ${ARGN})
  target_link_libraries(${kernels} PRIVATE fornax::kernels)
  if(FORNAX_CUDA STREQUAL "ON")
    set_target_properties(${kernels} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON)
    target_compile_options(${kernels} PRIVATE --expt-relaxed-constexpr)
  else()
    set_source_files_properties(${ARGN} TARGET_DIRECTORY ${kernels} PROPERTIES LANGUAGE CXX)
    # A simulated kernel runs as fast at -O1 as at -O3, and compiles in half the time.
    target_compile_options(${kernels} PRIVATE -xc++ -O1 -Wno-unknown-pragmas -Wno-maybe-uninitialized)
  endif()
  if(FORNAX_CUDA STREQUAL "SIM" AND FORNAX_SIM_TRACKED)
    fornax_track_kernels(${target} ${kernels})
  else()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${kernels}>)
  endif()
endfunction()

# Tracked kernels call the simulator before each access: they are instrumented for ThreadSanitizer, whose functions
# the simulator defines. All of them become one object, which keeps its copies of inline functions to itself: else the
# linker may take one that a file of host code brought, without instrumentation.
function(fornax_track_kernels target kernels)
  target_compile_options(${kernels} PRIVATE -fsanitize=thread -g1 -fno-omit-frame-pointer
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=tsan-instrument-func-entry-exit=0 -fno-gnu-unique -Wno-tsan>)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${kernels}.o)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/link_tracked_kernels.cmake)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -DLD=${CMAKE_LINKER} -DNM=${CMAKE_NM} -DOBJCOPY=${CMAKE_OBJCOPY} -DOBJECT=${object}
            "-DOBJECTS=$<JOIN:$<TARGET_OBJECTS:${kernels}>,,>" -P ${script}
    DEPENDS ${kernels} $<TARGET_OBJECTS:${kernels}> ${script}
    COMMENT "Linking ${kernels}"
    VERBATIM)
  add_custom_target(${kernels}_linked DEPENDS ${object})
  add_dependencies(${target} ${kernels}_linked)
  set_source_files_properties(${object} TARGET_DIRECTORY ${target} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_sources(${target} PRIVATE ${object})
endfunction()
