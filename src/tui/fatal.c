#include "tui/fatal.h"

#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

static const int signals[] = {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGSYS, SIGUSR1, SIGUSR2};

/* What a handler may look at. */
static struct {
	struct termios modes;
	struct str undo;
	volatile sig_atomic_t watched;
	struct sigaction before[ARRAY_LEN(signals)];
	bool ours[ARRAY_LEN(signals)];
} terminal;

/* In the background the terminal is the shell's, or of whoever runs in front. */
static bool has_terminal(void)
{
	pid_t front = tcgetpgrp(STDIN_FILENO);

	return front < 0 || front == getpgrp();
}

static void put_back(void)
{
	if (!terminal.watched || !has_terminal())
		return;
	terminal.watched = 0;
	if (write(STDOUT_FILENO, terminal.undo.p, terminal.undo.n) >= 0)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal.modes);
}

/* Nothing here but what a handler may call. What was done wrong is done again, and then ends the program as it would have; what
 * somebody has sent is sent again. */
static void on_fatal(int signum, siginfo_t *info, void *context)
{
	int err = errno;

	(void)context;
	put_back();
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (signals[i] == signum)
			sigaction(signum, &terminal.before[i], NULL);
	if (info->si_code <= 0)
		raise(signum);
	errno = err;
}

void fatal_watch(struct str undo)
{
	struct sigaction how = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO};

	if (tcgetattr(STDIN_FILENO, &terminal.modes) != 0)
		return;
	terminal.undo = undo;
	terminal.watched = 1;
	sigemptyset(&how.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		struct sigaction *before = &terminal.before[i];

		terminal.ours[i] = sigaction(signals[i], NULL, before) == 0 &&
			((before->sa_flags & SA_SIGINFO) || before->sa_handler != SIG_IGN) &&
			sigaction(signals[i], &how, NULL) == 0;
	}
}

void fatal_pause(bool paused) { terminal.watched = !paused; }

void fatal_unwatch(void)
{
	terminal.watched = 0;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (terminal.ours[i])
			sigaction(signals[i], &terminal.before[i], NULL);
}
