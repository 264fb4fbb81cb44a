#include "sim/simulator.h"

#include "sim/call.h"
#include "sim/memory.h"
#include "sim/stream.h"

namespace fornax::sim {

bool is_tracked() {
#if defined(FORNAX_SIM_TRACKED)
  return true;
#else
  return false;
#endif
}

void reset() {
  const Lock lock;
  forget_faults_and_counts();  // first: a lost device finishes nothing
  finish_all();
  host_saw_all();
  take_reports();
  take_trace();
  forget_faults_and_counts();
  set_schedule({});
  set_thread_order(0);
  restore_memory_limit();
}

}  // namespace fornax::sim
