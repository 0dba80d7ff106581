/* Keys and passwords in memory are for nobody else: no debugger of the same user, no core file. */
#ifndef APP_GUARD_H
#define APP_GUARD_H

/* Before any is there. Holds until the process becomes another user or another program. */
void guard_memory(void);

#endif
