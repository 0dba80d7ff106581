#include "trace/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

static int spawn(const char *const *argv, char *const *env, int in, int out, int err, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int status;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, (short)(POSIX_SPAWN_SETSIGMASK | (in >= 0 ? POSIX_SPAWN_SETPGROUP : 0)));
	posix_spawn_file_actions_init(&files);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
	status = posix_spawnp(pid, argv[0], &files, &attr, (char *const *)argv, env ? env : environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return status;
}

static int spawn_with_pipes(const char *const *argv, char *const *env, int in, int *out, int *err, pid_t *pid)
{
	int o[2], e[2], status;

	if (pipe2(o, O_CLOEXEC) != 0)
		return errno;
	if (pipe2(e, O_CLOEXEC) != 0) {
		status = errno;
		close(o[0]);
		close(o[1]);
		return status;
	}
	status = spawn(argv, env, in, o[1], e[1], pid);
	close(o[1]);
	close(e[1]);
	if (status) {
		close(o[0]);
		close(e[0]);
		return status;
	}
	*out = o[0];
	*err = e[0];
	return 0;
}

int child_spawn(const char *const *argv, char *const *env, int *out, int *err, pid_t *pid)
{
	return spawn_with_pipes(argv, env, -1, out, err, pid);
}

int child_feed(const char *const *argv, char *const *env, int in, int *out, int *err, pid_t *pid)
{
	return spawn_with_pipes(argv, env, in, out, err, pid);
}
