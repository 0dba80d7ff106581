/* For benches (tests/bench): clocks, a process's memory and processor time, and result lines that look alike. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int64_t bench_wall_ns(void); /* monotonic */
int64_t bench_cpu_ns(void);  /* of this process, all threads */

/* The best of `times` runs in processor time, nanoseconds: what disturbs a run only makes it slower. */
int64_t bench_best_ns(unsigned times, void (*run)(void *arg), void *arg);

/* Of another process (0: this one); -1 if it is not there. */
int64_t bench_rss_bytes(pid_t pid);
int64_t bench_pid_cpu_ns(pid_t pid); /* in steps of the kernel's tick, usually 10 ms */

/* "name                value unit   (aim: ...)"; aim may be NULL. */
void bench_report(const char *name, double value, const char *unit, const char *aim);

#endif
