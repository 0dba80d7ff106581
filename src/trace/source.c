#include "trace/source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/child.h"
#include "trace/frame.h"

enum { BUFFER = 32 << 20, CHUNK = 65536, WHY_MAX = 1000, BEGIN_MS = 10000, LAG_MS = 700 };

struct source {
	int fd;
	uint64_t received, dropped;
	char *data; /* PCAPNG_SNAPLEN: by a socket of our own */
	/* by dumpcap */
	pid_t pid; /* 0: none */
	int complaints;
	struct pcapng_reader reader;
	struct buf in;
	size_t used; /* of in */
	bool ended;
};

/* ---- a socket of our own ---- */

/* Everything that passes, not only what is for us: on a switch of ours that is all there is to see. */
static int look_at(int fd, int index)
{
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
		.sll_protocol = __builtin_bswap16(ETH_P_ALL),
		.sll_ifindex = index};
	struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
	int on = 1, size = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
		bind(fd, (struct sockaddr *)&where, sizeof(where)) != 0)
		return ERR_IO;
	return 0;
}

/* Others have other headers, or none. What goes out over the loopback comes in again: once is enough. */
static bool is_ethernet(int fd, const char *interface)
{
	struct ifreq r = {0};
	int on = 1;

	memcpy(r.ifr_name, interface, strnlen(interface, sizeof(r.ifr_name) - 1));
	if (ioctl(fd, SIOCGIFHWADDR, &r) != 0)
		return false;
	if (r.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK)
		return setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) == 0;
	return r.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

static struct source *make(int fd)
{
	struct source *s = xcalloc(1, sizeof(*s));

	s->fd = fd;
	s->complaints = -1;
	buf_init(&s->in, (size_t)PCAPNG_BLOCK_MAX + 2 * CHUNK);
	return s;
}

int source_new(const char *interface, struct source **ret)
{
	unsigned index = if_nametoindex(interface);
	int fd;

	if (!index)
		return ERR_NOTFOUND;
	/* No protocol before it is bound: nothing of other interfaces comes in. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno == EPERM || errno == EACCES ? ERR_DENIED : ERR_IO;
	if (!is_ethernet(fd, interface) || look_at(fd, (int)index) != 0) {
		close(fd);
		return ERR_IO;
	}
	*ret = make(fd);
	(*ret)->data = xmalloc(PCAPNG_SNAPLEN);
	return 0;
}

void source_drop_rights(void)
{
	struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (geteuid() == 0)
		rights[0].permitted = rights[0].effective = 1u << CAP_DAC_OVERRIDE;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	syscall(SYS_capset, &who, rights);
}

/* A program of the kernel's filter machine. What is wanted jumps to the last instruction but one, what is not to the last
 * one; jumps are filled in when their number is known. */
enum { YES = 254, NO = 255, CODE_MAX = 240 };
_Static_assert(2 * (7 + 2 * (1 + 2 * SOURCE_PORTS_MAX)) + 6 <= CODE_MAX, "jumps are of 8 bits");

struct program {
	struct sock_filter code[CODE_MAX];
	unsigned n;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	p->code[p->n++] = (struct sock_filter){code, yes, no, k};
}

/* Both ports, at x + at. */
static void put_ports(struct program *p, uint16_t mode, uint32_t at, const struct source_ports *ports, size_t n)
{
	for (uint32_t side = 0; side < 4; side += 2) {
		put(p, BPF_LD | BPF_H | mode, at + side, 0, 0);
		for (size_t i = 0; i < n; i++) {
			put(p, BPF_JMP | BPF_JGE | BPF_K, ports[i].first, 0, 1);
			put(p, BPF_JMP | BPF_JGT | BPF_K, ports[i].last, 0, YES);
		}
	}
	put(p, BPF_RET | BPF_K, 0, 0, 0);
}

static void put_protocols(struct program *p, uint32_t at)
{
	put(p, BPF_LD | BPF_B | BPF_ABS, at, 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, FRAME_TCP, 1, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, FRAME_UDP, 0, NO);
}

static void fill_jumps(struct program *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		uint8_t *jumps[] = {&p->code[i].jt, &p->code[i].jf};

		for (size_t k = 0; BPF_CLASS(p->code[i].code) == BPF_JMP && k < 2; k++)
			if (*jumps[k] >= YES)
				*jumps[k] = (uint8_t)(p->n - 1 - i - (*jumps[k] == NO ? 1 : 2));
	}
}

void source_only(struct source *s, const struct source_ports *ports, size_t n)
{
	struct program p = {.n = 0};
	struct sock_fprog prog = {.filter = p.code};
	unsigned v6;

	if (s->pid || n > SOURCE_PORTS_MAX)
		return;
	put(&p, BPF_LD | BPF_H | BPF_ABS, 12, 0, 0);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, YES, 0);
	v6 = p.n;
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 0);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, NO);
	put_protocols(&p, 14 + 9);
	put(&p, BPF_LD | BPF_H | BPF_ABS, 14 + 6, 0, 0);
	put(&p, BPF_JMP | BPF_JSET | BPF_K, 0x1fff, NO, 0); /* a fragment without ports */
	put(&p, BPF_LDX | BPF_B | BPF_MSH, 14, 0, 0);
	put_ports(&p, BPF_IND, 14, ports, n);
	p.code[v6].jt = (uint8_t)(p.n - v6 - 1);
	put_protocols(&p, 14 + 6);
	put_ports(&p, BPF_ABS, 14 + 40, ports, n);
	put(&p, BPF_RET | BPF_K, PCAPNG_SNAPLEN, 0, 0);
	put(&p, BPF_RET | BPF_K, 0, 0, 0);
	fill_jumps(&p);
	prog.len = (unsigned short)p.n;
	setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static int64_t time_of(struct msghdr *m)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&t, CMSG_DATA(c), sizeof(t));
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int next_of_socket(struct source *s, struct pcapng_packet *ret)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec v = {s->data, PCAPNG_SNAPLEN};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(s->fd, &m, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == ENETDOWN))
		return s->ended ? ERR_CLOSED : 0;
	if (n < 0)
		return ERR_IO;
	*ret = (struct pcapng_packet){.time = time_of(&m),
		.length = (uint32_t)n,
		.data = {s->data, n < PCAPNG_SNAPLEN ? (size_t)n : PCAPNG_SNAPLEN}};
	return 1;
}

static void count_of_socket(struct source *s)
{
	struct tpacket_stats now;
	socklen_t n = sizeof(now);

	/* The kernel begins anew with each question. */
	if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &now, &n) == 0) {
		s->received += now.tp_packets;
		s->dropped += now.tp_drops;
	}
}

/* ---- dumpcap ---- */

static int start(const char *const *argv, struct source **ret)
{
	int out, err, status;
	pid_t pid;

	status = child_spawn(argv, NULL, &out, &err, &pid);
	if (status)
		return status == ENOENT || status == EACCES ? ERR_NOTFOUND : ERR_IO;
	fcntl(out, F_SETFL, O_NONBLOCK);
	fcntl(err, F_SETFL, O_NONBLOCK);
	*ret = make(out);
	(*ret)->pid = pid;
	(*ret)->complaints = err;
	pcapng_reader_init(&(*ret)->reader);
	return 0;
}

/* 1: more bytes are there; 0: none now; ERR_CLOSED; ERR_IO. */
static int read_more(struct source *s)
{
	char *room;
	ssize_t n;

	buf_eat(&s->in, s->used);
	s->used = 0;
	room = buf_room(&s->in, CHUNK);
	if (!room)
		return ERR_IO;
	n = read(s->fd, room, CHUNK);
	if (n > 0)
		s->in.n += (size_t)n;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : ERR_IO;
	return n == 0 ? ERR_CLOSED : 1;
}

/* One block; as read_more() when there is none yet. */
static int next_block(struct source *s, struct pcapng_block *ret)
{
	for (;;) {
		struct str rest = {s->in.p + s->used, s->in.n - s->used};
		int n = pcapng_next(&s->reader, &rest, ret);

		if (n < 0)
			return ERR_IO;
		if (n > 0) {
			s->used = s->in.n - rest.n;
			return 1;
		}
		n = read_more(s);
		if (n != 1)
			return n;
	}
}

static int next_of_dumpcap(struct source *s, struct pcapng_packet *ret)
{
	struct pcapng_block b;
	int n;

	while ((n = next_block(s, &b)) == 1) {
		s->received += b.received;
		s->dropped += b.dropped;
		if (b.kind != PCAPNG_PACKET)
			continue;
		*ret = b.packet;
		ret->interface = 0;
		return 1;
	}
	return n;
}

/* It says what it captures when it begins to. */
static int wait_begun(struct source *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	struct pcapng_block b;
	int n;

	while ((n = next_block(s, &b)) >= 0) {
		if (n == 1 && b.kind == PCAPNG_INTERFACE)
			return b.link_type == PCAPNG_ETHERNET ? 0 : ERR_UNSUPPORTED;
		if (n == 0 && poll(&p, 1, BEGIN_MS) == 0)
			return ERR_TIMEOUT;
	}
	return n;
}

/* Of all that it says the line that tells why: what to do comes from whoever asked. */
static struct str reason_of(struct str said)
{
	static const struct str name = STR("dumpcap: ");
	struct str first = STR_NONE;

	while (said.p && said.n) {
		struct str line = str_trim(str_cut(&said, '\n'));

		if (str_starts(line, name))
			return (struct str){line.p + name.n, line.n - name.n};
		if (!first.n && !str_starts(line, STR("Capturing on")))
			first = line;
	}
	return first;
}

static bool is_denied(struct str said)
{
	return memmem(said.p, said.n, "ermission", 9) || memmem(said.p, said.n, "not permitted", 13);
}

/* Which error it is. */
static int explain(const struct source *s, int err, struct buf *why)
{
	char text[WHY_MAX];
	ssize_t n = err == ERR_UNSUPPORTED ? 0 : read(s->complaints, text, sizeof(text));
	struct str reason = n > 0 ? reason_of((struct str){text, (size_t)n}) : STR_NONE;

	if (reason.n)
		buf_fmt(why, "dumpcap: %.*s", STR_FMT(reason));
	else
		buf_fmt(why, "dumpcap: %s", err == ERR_UNSUPPORTED ? "that is no Ethernet" : err_name(err));
	return n > 0 && is_denied((struct str){text, (size_t)n}) ? ERR_DENIED : err;
}

int source_dumpcap(const char *interface, const char *filter, struct source **ret, struct buf *why)
{
	CLEANUP(buf_clear) struct buf card = {.max = 200};
	CLEANUP(buf_clear) struct buf text = {.max = 4096};
	const char *argv[] = {"dumpcap", "-q", "-i", NULL, "-w", "-", NULL, NULL, NULL};
	struct source *s = NULL;
	int err;

	buf_z(&card, interface);
	buf_z(&text, filter ? filter : "");
	argv[3] = buf_cstr(&card);
	argv[6] = filter ? "-f" : NULL;
	argv[7] = buf_cstr(&text);
	err = start(argv, &s);
	if (err) {
		buf_fmt(why, "dumpcap: %s", err == ERR_NOTFOUND ? "not installed, or not for you" : err_name(err));
		return err == ERR_NOTFOUND ? ERR_DENIED : err;
	}
	err = wait_begun(s);
	if (err) {
		err = explain(s, err, why);
		source_free(&s);
		return err;
	}
	*ret = s;
	return 0;
}

/* ---- both ---- */

int source_next(struct source *s, struct pcapng_packet *ret)
{
	return s->pid ? next_of_dumpcap(s, ret) : next_of_socket(s, ret);
}

int64_t source_lag_ms(const struct source *s) { return s->pid ? LAG_MS : 0; }

void source_end(struct source *s)
{
	if (s->pid && !s->ended)
		kill(s->pid, SIGINT);
	s->ended = true;
}

void source_counts(struct source *s, uint64_t *ret_received, uint64_t *ret_dropped)
{
	if (!s->pid)
		count_of_socket(s);
	*ret_received = s->received;
	*ret_dropped = s->dropped;
}

int source_fd(const struct source *s) { return s->fd; }

void source_free(struct source **source)
{
	struct source *s = TAKE(*source);

	if (!s)
		return;
	close(s->fd);
	if (s->complaints >= 0)
		close(s->complaints);
	if (s->pid) {
		kill(s->pid, SIGKILL); /* it had its time in source_end(), and writes no file of its own */
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	buf_clear(&s->in);
	xfree(s->data);
	xfree(s);
}
