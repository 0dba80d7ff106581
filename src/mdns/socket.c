#include "mdns/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum { PACKET_MAX = 9000, PACKETS_A_TURN = 32 };

struct mdns_socket {
	int fd;
	uint32_t ifindex;
	uint8_t family;
	struct watch *watch;
	void (*on_packet)(void *arg, uint32_t ifindex, const struct place *from, int hops, const void *p, size_t n);
	void *arg;
};

union any_address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

/* NULL: the wildcard. */
static socklen_t set_address(union any_address *a, uint8_t family, const uint8_t *b, uint16_t port, uint32_t scope)
{
	memset(a, 0, sizeof(*a));
	if (family == 4) {
		a->in4.sin_family = AF_INET;
		a->in4.sin_port = htons(port);
		memcpy(&a->in4.sin_addr, b ? b : (const uint8_t[4]){0}, 4);
		return sizeof(a->in4);
	}
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(port);
	a->in6.sin6_scope_id = scope;
	memcpy(&a->in6.sin6_addr, b ? b : (const uint8_t[16]){0}, 16);
	return sizeof(a->in6);
}

static const uint8_t group4[4] = {224, 0, 0, 251};
static const uint8_t group6[16] = {0xff, 0x02, [15] = 0xfb};

static bool set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static bool join4(int fd, const struct iface *i)
{
	struct ip_mreqn m = {.imr_ifindex = (int)i->index};

	memcpy(&m.imr_multiaddr, group4, 4);
	/* Without MULTICAST_ALL off, a socket hears what any other on this machine has joined. */
	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) == 0 &&
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)) == 0 &&
		set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) && set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, 255) &&
		set_int(fd, IPPROTO_IP, IP_TTL, 255) && set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) &&
		set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) && set_int(fd, IPPROTO_IP, IP_RECVTTL, 1);
}

static bool join6(int fd, const struct iface *i)
{
	struct ipv6_mreq m = {.ipv6mr_interface = i->index};

	memcpy(&m.ipv6mr_multiaddr, group6, 16);
	return setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &m, sizeof(m)) == 0 &&
		set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)i->index) &&
		set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) &&
		set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255) &&
		set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) && set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
		set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
}

static bool open_port(int fd, uint8_t family)
{
	union any_address a;
	socklen_t n = set_address(&a, family, NULL, MDNS_PORT, 0);

	return set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
		(family == 4 || set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) && bind(fd, &a.sa, n) == 0;
}

static void on_ready(void *arg, int events);

struct mdns_socket *mdns_socket_new(struct loop *l, const struct iface *i, uint8_t family,
	void (*on_packet)(void *arg, uint32_t ifindex, const struct place *from, int hops, const void *p, size_t n),
	void *arg)
{
	int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return NULL;
	if (!open_port(fd, family) || !(family == 4 ? join4(fd, i) : join6(fd, i))) {
		int error = errno;
		close(fd);
		errno = error;
		return NULL;
	}
	struct mdns_socket *s = xcalloc(1, sizeof(*s));
	s->fd = fd;
	s->ifindex = i->index;
	s->family = family;
	s->on_packet = on_packet;
	s->arg = arg;
	s->watch = watch_new(l, fd, on_ready, s);
	watch_set(s->watch, WATCH_READ);
	return s;
}

void mdns_socket_free(struct mdns_socket **socket)
{
	struct mdns_socket *s = TAKE(*socket);

	if (!s)
		return;
	watch_free(&s->watch);
	close(s->fd);
	xfree(s);
}

void mdns_socket_send(struct mdns_socket *s, const struct place *to, const void *p, size_t n)
{
	union any_address a;
	socklen_t size = to ? set_address(&a, s->family, to->ip.b, to->port, s->ifindex)
			    : set_address(&a, s->family, s->family == 4 ? group4 : group6, MDNS_PORT, s->ifindex);

	while (sendto(s->fd, p, n, 0, &a.sa, size) < 0 && errno == EINTR)
		;
}

static void read_address(const union any_address *a, struct place *ret)
{
	bool v4 = a->sa.sa_family == AF_INET;

	*ret = (struct place){.ip.family = v4 ? 4 : 6, .port = ntohs(v4 ? a->in4.sin_port : a->in6.sin6_port)};
	if (v4)
		memcpy(ret->ip.b, &a->in4.sin_addr, 4);
	else
		memcpy(ret->ip.b, &a->in6.sin6_addr, 16);
}

/* What the system says of a packet beside its bytes. */
struct facts {
	uint32_t ifindex;
	int hops;
	bool to_group;
};

static void read_fact(struct cmsghdr *c, struct facts *f)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		f->ifindex = (uint32_t)info.ipi_ifindex;
		f->to_group = IN_MULTICAST(ntohl(info.ipi_addr.s_addr));
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		f->ifindex = info.ipi6_ifindex;
		f->to_group = IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
	} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
		memcpy(&f->hops, CMSG_DATA(c), sizeof(f->hops));
	}
}

static ssize_t receive(struct mdns_socket *s, uint8_t *p, struct place *ret_from, struct facts *ret)
{
	union any_address a;
	_Alignas(struct cmsghdr) char control[256];
	struct iovec v = {.iov_base = p, .iov_len = PACKET_MAX};
	struct msghdr h = {.msg_name = &a,
		.msg_namelen = sizeof(a),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(s->fd, &h, 0);

	if (n < 0)
		return n;
	*ret = (struct facts){.hops = -1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c))
		read_fact(c, ret);
	read_address(&a, ret_from);
	return h.msg_flags & MSG_TRUNC ? 0 : n;
}

static void on_ready(void *arg, int events)
{
	struct mdns_socket *s = arg;
	uint8_t p[PACKET_MAX];
	struct place from;
	struct facts facts;

	for (int i = 0; i < PACKETS_A_TURN; i++) {
		ssize_t n = receive(s, p, &from, &facts);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		/* Linux gives an IPv6 group's packets to every socket that joined it, on whatever interface. One address's packets go to any
		 * one of the sockets. */
		bool mine = !facts.to_group || facts.ifindex == s->ifindex;
		if (n > 0 && mine)
			s->on_packet(s->arg, facts.ifindex, &from, facts.hops, p, (size_t)n);
	}
}

bool mdns_port_taken(void)
{
	union any_address a;
	socklen_t n = set_address(&a, 4, NULL, MDNS_PORT, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool taken = fd >= 0 && bind(fd, &a.sa, n) < 0 && errno == EADDRINUSE;

	if (fd >= 0)
		close(fd);
	return taken;
}
