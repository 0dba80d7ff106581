#include "trace/source.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum { BUFFER = 32 << 20 };

struct source {
	int fd;
	uint64_t received, dropped;
	char data[PCAPNG_SNAPLEN];
};

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

int source_new(const char *interface, struct source **ret)
{
	unsigned index = if_nametoindex(interface);
	struct source *s;
	int fd;

	if (!index)
		return ERR_NOTFOUND;
	/* No protocol before it is bound: nothing of other interfaces comes in. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno == EPERM || errno == EACCES ? ERR_DENIED : ERR_IO;
	if (look_at(fd, (int)index) != 0) {
		close(fd);
		return ERR_IO;
	}
	s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	*ret = s;
	return 0;
}

void source_free(struct source **source)
{
	struct source *s = TAKE(*source);

	if (!s)
		return;
	close(s->fd);
	xfree(s);
}

int source_fd(const struct source *s) { return s->fd; }

static int64_t time_of(struct msghdr *m)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&t, CMSG_DATA(c), sizeof(t));
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int source_next(struct source *s, struct pcapng_packet *ret)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec v = {s->data, sizeof(s->data)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(s->fd, &m, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == ENETDOWN ? 0 : ERR_IO;
	*ret = (struct pcapng_packet){.time = time_of(&m),
		.length = (uint32_t)n,
		.data = {s->data, (size_t)n < sizeof(s->data) ? (size_t)n : sizeof(s->data)}};
	return 1;
}

void source_counts(struct source *s, uint64_t *ret_received, uint64_t *ret_dropped)
{
	struct tpacket_stats now;
	socklen_t n = sizeof(now);

	/* The kernel begins anew with each question. */
	if (getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &now, &n) == 0) {
		s->received += now.tp_packets;
		s->dropped += now.tp_drops;
	}
	*ret_received = s->received;
	*ret_dropped = s->dropped;
}
