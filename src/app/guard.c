#include "app/guard.h"

#include <sys/prctl.h>

void guard_memory(void) { prctl(PR_SET_DUMPABLE, 0); }
