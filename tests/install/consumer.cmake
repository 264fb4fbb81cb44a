# Installs this build, builds a project of examples/ against what was installed, and runs its program, which must print
# PRINTS. What its C++ is compiled with must be the include directory and the language standard, nothing else.
#   cmake -D BUILD=... -D CONSUMER=... -D PROGRAM=... -D PRINTS=... -D SCRATCH=... -D CXX=... -P consumer.cmake
file(REMOVE_RECURSE ${SCRATCH})
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${result}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix)
run(${CMAKE_COMMAND} -G Ninja -S ${CONSUMER} -B ${SCRATCH}/build -D CMAKE_PREFIX_PATH=${SCRATCH}/prefix
    -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_EXPORT_COMPILE_COMMANDS=ON)
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${SCRATCH}/build/${PROGRAM})
if(NOT output MATCHES "${PRINTS}")
  message(FATAL_ERROR "the consumer printed: ${output}")
endif()

file(READ ${SCRATCH}/build/compile_commands.json commands)
string(JSON command GET "${commands}" 0 command)
separate_arguments(flags NATIVE_COMMAND "${command}")
list(POP_FRONT flags)
list(FILTER flags EXCLUDE REGEX "^(-isystem|${SCRATCH}/prefix/include|-std=(c|gnu)\\+\\+[0-9a-z]+|-o|-c|[^-].*\\.(o|cpp))$")
if(flags)
  message(FATAL_ERROR "flags leak into the consumer: ${flags}")
endif()
