# cmake -DNM=nm -DLEVEL=avx2 -DOBJECTS=a.o,b.o -P isa_symbols.cmake
# Fails on any weak symbol outside of the level's own namespaces: the linker would keep one copy of it for all levels,
# and the avx512 copy would then run on machines without it. DW.ref.* are pointers, alike in all copies.
string(REPLACE "," ";" objects "${OBJECTS}")
string(LENGTH ${LEVEL} length)
math(EXPR eigen_length "${length} + 6")
set(own "^_Z(TV|TI|TS|GV|Z)?N?[VKR]*(6fornax3cpu${length}${LEVEL}|${eigen_length}Eigen_${LEVEL})")
foreach(object IN LISTS objects)
  execute_process(COMMAND ${NM} --defined-only --format=posix ${object}
    OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+ [WVuwv] [^\n]+" weak "${symbols}")
  foreach(line IN LISTS weak)
    string(REGEX REPLACE " .*" "" symbol "${line}")
    if(NOT symbol MATCHES "${own}" AND NOT symbol MATCHES "^DW[.]ref[.]")
      message(SEND_ERROR "${object}: weak symbol outside of namespace ${LEVEL}: ${symbol}")
    endif()
  endforeach()
endforeach()
