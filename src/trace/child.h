/* Programs that work for us: what they print is read, and nothing is said to them. */
#ifndef TRACE_CHILD_H
#define TRACE_CHILD_H

#include <sys/types.h>

/* Starts argv[0], looked for as a shell does, with nothing on its standard input and no signal held back, whatever the caller
 * holds back. out, err: descriptors of ours to read its standard output and error from, closed by the caller. env: NULL: as
 * ours. 0, or errno (ENOENT: not installed), and then nothing is left open. The caller waits for *pid. */
int child_spawn(const char *const *argv, char *const *env, int *out, int *err, pid_t *pid);
/* The same with `in` (borrowed) on its standard input, and in a process group of its own: a Ctrl-C on the terminal is for us,
 * and we end it. */
int child_feed(const char *const *argv, char *const *env, int in, int *out, int *err, pid_t *pid);

#endif
