#include "tests/lib/bench.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t) != 0)
		return 0;
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t bench_wall_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

int64_t bench_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

int64_t bench_best_ns(unsigned times, void (*run)(void *arg), void *arg)
{
	int64_t best = INT64_MAX;
	for (unsigned i = 0; i < times; i++) {
		int64_t start = bench_cpu_ns();
		run(arg);
		int64_t took = bench_cpu_ns() - start;
		if (took < best)
			best = took;
	}
	return best;
}

/* The first line of /proc/PID/NAME; NULL if there is no such process. */
static char *read_proc(pid_t pid, const char *name, char *line, int size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)(pid ? pid : getpid()), name);
	FILE *f = fopen(path, "re");
	if (!f)
		return NULL;
	char *got = fgets(line, size, f);
	fclose(f);
	return got;
}

int64_t bench_rss_bytes(pid_t pid)
{
	char line[256];
	long long all, resident;
	if (!read_proc(pid, "statm", line, sizeof(line)) || sscanf(line, "%lld %lld", &all, &resident) != 2)
		return -1;
	return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

int64_t bench_pid_cpu_ns(pid_t pid)
{
	char line[1024];
	if (!read_proc(pid, "stat", line, sizeof(line)))
		return -1;
	/* The second field is the command in parentheses, and may contain anything; utime and stime are 14 and 15. */
	const char *rest = strrchr(line, ')');
	unsigned long long user, system;
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		return -1;
	return (int64_t)((user + system) * (1000000000 / (unsigned long)sysconf(_SC_CLK_TCK)));
}

void bench_report(const char *name, double value, const char *unit, const char *aim)
{
	printf("%-56s %12.2f %s", name, value, unit);
	if (aim)
		printf("   (aim: %s)", aim);
	printf("\n");
	fflush(stdout);
}
