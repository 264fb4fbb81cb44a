# Makes one object of OBJECTS (a ,-list), its weak symbols local and its block copies the simulator's. See FornaxCuda.
string(REPLACE "," ";" objects "${OBJECTS}")
execute_process(COMMAND ${LD} -r --force-group-allocation -o ${OBJECT}.linked ${objects} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${NM} --defined-only ${OBJECT}.linked OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]* [VWvw] [^\n]+" weak "${symbols}")
list(TRANSFORM weak REPLACE "^[^ ]* [VWvw] " "")
list(JOIN weak "\n" names)
file(WRITE ${OBJECT}.weak "${names}\n")
execute_process(
  COMMAND ${OBJCOPY} --localize-symbols=${OBJECT}.weak --redefine-sym memcpy=__tsan_memcpy
          --redefine-sym memmove=__tsan_memmove --redefine-sym memset=__tsan_memset ${OBJECT}.linked ${OBJECT}
  COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${OBJECT}.linked)
