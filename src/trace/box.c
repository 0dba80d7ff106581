#include "trace/box.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum { WORDS_MAX = 40, COMMAND_MAX = 512 };

/* ---- commands ---- */

/* In the child: only what needs no memory. */
static void enter_host(const struct box_host *h)
{
	if (!h)
		return;
	if (setns(h->net, CLONE_NEWNET) != 0 || unshare(CLONE_NEWUTS | CLONE_NEWNS) != 0 ||
		sethostname(h->name, strlen(h->name)) != 0)
		_exit(126);
	/* So that what is asked of the system about interfaces is about this host's. */
	mount("sysfs", "/sys", "sysfs", 0, NULL);
}

int box_spawn(const struct box_host *h, char *const argv[], const int fds[3], pid_t *ret)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return ERR_IO;
	if (pid > 0) {
		*ret = pid;
		return 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	enter_host(h);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(126);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	_exit(127);
}

static void read_complaint(int fd, struct buf *why)
{
	char text[512];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		buf_add(why, text, (size_t)n);
	while (why->n && why->p[why->n - 1] == '\n')
		buf_cut(why, why->n - 1);
}

static int run_words(const struct box_host *h, char *const argv[], struct buf *why)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), status = -1, err = ERR_IO;
	pid_t pid = -1;

	if (null >= 0 && pipe2(ends, O_CLOEXEC) == 0) {
		err = box_spawn(h, argv, (int[3]){null, null, ends[1]}, &pid);
		close(ends[1]);
		if (!err) {
			buf_fmt(why, "%s: ", argv[0]);
			read_complaint(ends[0], why);
			waitpid(pid, &status, 0);
		}
		close(ends[0]);
	}
	if (null >= 0)
		close(null);
	if (err || WIFEXITED(status) == 0 || WEXITSTATUS(status) != 0) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
			buf_z(why, "not installed");
		return err ? err : ERR_INVALID;
	}
	buf_reset(why);
	return 0;
}

/* Words between single spaces; no word has one. */
static int run(const struct box_host *h, struct buf *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int run(const struct box_host *h, struct buf *why, const char *fmt, ...)
{
	char text[COMMAND_MAX], *argv[WORDS_MAX] = {text};
	unsigned n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; p && n < WORDS_MAX - 1; n++) {
		argv[n] = p;
		p = strchr(p, ' ');
		if (p)
			*p++ = '\0';
	}
	argv[n] = NULL;
	return run_words(h, argv, why);
}

/* ---- the box ---- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return ERR_IO;
	if (write(fd, text, strlen(text)) < 0)
		err = ERR_IO;
	close(fd);
	return err;
}

/* Whoever we are outside is root inside. */
static int map_user(uid_t uid, gid_t gid)
{
	char line[64];
	int err;

	write_file("/proc/self/setgroups", "deny");
	snprintf(line, sizeof(line), "0 %u 1", gid);
	err = write_file("/proc/self/gid_map", line);
	snprintf(line, sizeof(line), "0 %u 1", uid);
	return err ? err : write_file("/proc/self/uid_map", line);
}

static void find_tools(void)
{
	const char *path = getenv("PATH");
	char longer[4096];

	snprintf(longer, sizeof(longer), "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	setenv("PATH", longer, 1);
}

int box_enter(struct buf *why)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int err = 0;

	find_tools();
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0)
			err = ERR_DENIED;
		else
			err = map_user(uid, gid);
	}
	if (err || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		buf_fmt(why, "networks of our own are not allowed here (%s): try as root", strerror(errno));
		return ERR_DENIED;
	}
	err = run(NULL, why, "ip link set lo up");
	if (!err)
		err = run(NULL, why, "ip link add " BOX_SWITCH " type bridge mcast_snooping 0 forward_delay 0");
	if (!err) {
		write_file("/proc/sys/net/ipv6/conf/" BOX_SWITCH "/disable_ipv6", "1");
		err = run(NULL, why, "ip link set " BOX_SWITCH " up");
	}
	return err;
}

/* ---- hosts ---- */

/* Each frame as it would be on a cable: no larger than the cable takes, with a checksum. */
static void offload_off(const char *interface)
{
	static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(commands); i++) {
		struct ethtool_value v = {.cmd = commands[i]};
		struct ifreq r = {0};

		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
		r.ifr_data = (char *)&v;
		ioctl(fd, SIOCETHTOOL, &r);
	}
	if (fd >= 0)
		close(fd);
}

/* In a child, so that this process stays where it is. */
static int offload_off_there(const struct box_host *h, bool v6)
{
	int status = -1;
	pid_t pid = fork();

	if (pid < 0)
		return ERR_IO;
	if (pid == 0) {
		if (setns(h->net, CLONE_NEWNET) != 0)
			_exit(1);
		offload_off(BOX_CARD);
		/* One address a host: none of the link alone, either. It is good at once, since nobody else can have it. */
		write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", v6 ? "0" : "1");
		write_file("/proc/sys/net/ipv6/conf/" BOX_CARD "/addr_gen_mode", "1");
		write_file("/proc/sys/net/ipv6/conf/" BOX_CARD "/accept_dad", "0");
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : ERR_IO;
}

/* A child makes the network, this process keeps it by a descriptor. */
static int make_net(int *ret_fd)
{
	char path[64], ready;
	int up[2], down[2];
	pid_t pid;

	if (pipe2(up, O_CLOEXEC) != 0)
		return ERR_IO;
	if (pipe2(down, O_CLOEXEC) != 0) {
		close(up[0]);
		close(up[1]);
		return ERR_IO;
	}
	pid = fork();
	if (pid == 0) {
		close(down[1]);
		if (unshare(CLONE_NEWNET) == 0 && write(up[1], "y", 1) == 1 && read(down[0], &ready, 1) >= 0)
			_exit(0);
		_exit(1);
	}
	close(up[1]);
	close(down[0]);
	*ret_fd = -1;
	if (pid > 0 && read(up[0], &ready, 1) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
		*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	close(up[0]);
	close(down[1]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return *ret_fd >= 0 ? 0 : ERR_IO;
}

static int set_address(const struct box_host *h, bool v6, struct buf *why)
{
	int err = run(h, why, "ip link set lo up");

	if (!err && v6)
		err = run(h, why, "ip addr add %s/64 dev " BOX_CARD " nodad", h->address);
	else if (!err)
		err = run(h, why, "ip addr add %s/24 dev " BOX_CARD, h->address);
	return err ? err : run(h, why, "ip link set " BOX_CARD " up");
}

int box_plug(struct box_host *h, const char *name, unsigned number, bool v6, struct buf *why)
{
	char port[24];
	int err = make_net(&h->net);

	if (err) {
		buf_fmt(why, "a network for %s: %s", name, strerror(errno));
		return err;
	}
	h->number = number;
	snprintf(h->name, sizeof(h->name), "%s", name);
	snprintf(h->address, sizeof(h->address), v6 ? "fd77::%u" : "10.77.0.%u", number);
	snprintf(port, sizeof(port), "port%u", number);
	err = run(NULL, why, "ip link add %s type veth peer name " BOX_CARD " netns /proc/%d/fd/%d", port,
		(int)getpid(), h->net);
	if (!err)
		err = offload_off_there(h, v6);
	if (err)
		return err;
	offload_off(port);
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	err = run(NULL, why, "ip link set %s master " BOX_SWITCH " up", port);
	return err ? err : set_address(h, v6, why);
}

int box_cable(const struct box_host *h, bool in, struct buf *why)
{
	return run(NULL, why, "ip link set port%u %s", h->number, in ? "up" : "down");
}

/* A table for rules, without rules. */
static int clear_rules(const struct box_host *h, struct buf *why)
{
	int err = run(h, why, "nft add table inet loss");

	if (!err)
		err = run(h, why, "nft add chain inet loss input { type filter hook input priority 0 ; }");
	return err ? err : run(h, why, "nft flush chain inet loss input");
}

int box_lose(const struct box_host *h, unsigned percent, struct buf *why)
{
	int err = clear_rules(h, why);

	if (err || !percent)
		return err;
	return run(h, why,
		"nft add rule inet loss input iif " BOX_CARD " meta l4proto tcp numgen random mod 100 < %u drop",
		percent);
}

int box_lose_next(const struct box_host *h, unsigned n, struct buf *why)
{
	int err = clear_rules(h, why);

	if (err || !n)
		return err;
	/* It counts from 0, and does not come back to it. */
	return run(h, why,
		"nft add rule inet loss input iif " BOX_CARD
		" meta l4proto tcp meta length > 150 numgen inc mod 1000000000 < %u drop",
		n);
}
