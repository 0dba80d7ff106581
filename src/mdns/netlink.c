/* What the kernel says of interfaces (rtnetlink(7)). */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "mdns/interfaces.h"

enum { DUMP_MAX = 65536, DUMP_ROUNDS = 1000, BURST_MS = 100, POLL_MS = 5000, PRIVATE_IFF_LOWER_UP = 1 << 16 };

struct scan {
	struct ifaces *all;
	const struct ifaces_wanted *wanted;
};

static void copy_name(char to[IFACE_NAME], const struct rtattr *a)
{
	size_t n = RTA_PAYLOAD(a);

	n = n < IFACE_NAME - 1 ? n : IFACE_NAME - 1;
	memcpy(to, RTA_DATA(a), n);
	to[n] = 0;
}

static void read_linkinfo(struct iface *i, struct rtattr *info)
{
	int left = (int)RTA_PAYLOAD(info);

	for (struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			copy_name(i->kind, a);
}

static bool in_sysfs(const char *name, const char *what)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, what);
	return access(path, F_OK) == 0;
}

static void on_link(struct scan *s, struct nlmsghdr *h)
{
	struct ifinfomsg *m = NLMSG_DATA(h);
	int left = (int)IFLA_PAYLOAD(h);
	struct iface i = {.index = (uint32_t)m->ifi_index, .hatype = m->ifi_type};

	i.up = m->ifi_flags & IFF_UP;
	i.carrier = m->ifi_flags & PRIVATE_IFF_LOWER_UP;
	i.loopback = m->ifi_flags & IFF_LOOPBACK;
	for (struct rtattr *a = IFLA_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == IFLA_IFNAME)
			copy_name(i.name, a);
		else if (a->rta_type == IFLA_MASTER)
			i.member = true;
		else if (a->rta_type == IFLA_LINKINFO)
			read_linkinfo(&i, a);
		else if (a->rta_type == IFLA_CARRIER_CHANGES && RTA_PAYLOAD(a) >= sizeof(i.flaps))
			memcpy(&i.flaps, RTA_DATA(a), sizeof(i.flaps));
	}
	i.wireless = in_sysfs(i.name, "wireless") || in_sysfs(i.name, "phy80211");
	i.use = iface_judge(&i, s->wanted);
	/* A machine with hundreds of containers has hundreds of the others, and nobody wants to hear of them. */
	bool told = i.use <= IFACE_BRIDGE;
	if (told && s->all->n < IFACES_MAX)
		s->all->i[s->all->n++] = i;
}

static void add_address(struct iface *i, const struct ip *ip)
{
	for (unsigned k = 0; k < i->address_count; k++)
		if (ip_equal(&i->addresses[k], ip))
			return;
	if (i->address_count < IFACE_ADDRESSES)
		i->addresses[i->address_count++] = *ip;
}

static void on_address(struct scan *s, struct nlmsghdr *h)
{
	struct ifaddrmsg *m = NLMSG_DATA(h);
	int left = (int)IFA_PAYLOAD(h);
	struct iface *i = (struct iface *)ifaces_find(s->all, m->ifa_index);
	uint32_t flags = m->ifa_flags;
	size_t size = m->ifa_family == AF_INET ? 4 : 16;
	struct ip ip = {.family = m->ifa_family == AF_INET ? 4 : 6, .prefix = m->ifa_prefixlen};
	bool found = false, local = false;

	if (!i || (m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return;
	for (struct rtattr *a = IFA_RTA(m); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		/* On a point-to-point interface ADDRESS is the other end, LOCAL is ours. */
		bool better = a->rta_type == IFA_LOCAL || (a->rta_type == IFA_ADDRESS && !local);
		if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) >= 4)
			memcpy(&flags, RTA_DATA(a), 4);
		if (!better || RTA_PAYLOAD(a) < size)
			continue;
		memcpy(ip.b, RTA_DATA(a), size);
		found = true;
		local = a->rta_type == IFA_LOCAL;
	}
	if (found && !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)))
		add_address(i, &ip);
}

static int ask(int fd, uint16_t type)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m; /* the longer of the two; only the family in it matters */
	} q = {.h = {.nlmsg_len = sizeof(q),
		       .nlmsg_type = type,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		       .nlmsg_seq = 1}};

	return send(fd, &q, sizeof(q), 0) == (ssize_t)sizeof(q) ? 0 : ERR_IO;
}

/* Returns 1 at the end of the dump. */
static int read_messages(struct scan *s, char *p, ssize_t n)
{
	int left = (int)n;

	for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)p; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ERR_IO;
		if (h->nlmsg_type == RTM_NEWLINK)
			on_link(s, h);
		else if (h->nlmsg_type == RTM_NEWADDR)
			on_address(s, h);
	}
	return 0;
}

static int dump(int fd, uint16_t type, struct scan *s)
{
	char *p = xmalloc(DUMP_MAX);
	int state = ask(fd, type);

	for (int i = 0; i < DUMP_ROUNDS && state == 0; i++) {
		ssize_t n = recv(fd, p, DUMP_MAX, 0);
		if (n < 0 && errno == EINTR)
			continue;
		state = n <= 0 ? ERR_IO : read_messages(s, p, n);
	}
	xfree(p);
	return state == 1 ? 0 : ERR_IO;
}

int ifaces_scan(const struct ifaces_wanted *wanted, struct ifaces *ret)
{
	struct ifaces all = {0};
	struct scan s = {.all = &all, .wanted = wanted};
	struct timeval limit = {.tv_sec = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err;

	if (fd < 0)
		return ERR_IO;
	/* The kernel answers within the call; the limit is against ever hanging here. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	err = dump(fd, RTM_GETLINK, &s);
	if (!err)
		err = dump(fd, RTM_GETADDR, &s);
	close(fd);
	if (err)
		return err;
	for (unsigned k = 0; k < all.n; k++)
		all.i[k].use = iface_judge(&all.i[k], wanted);
	*ret = all;
	return 0;
}

struct ifaces_watch {
	struct loop *loop;
	int fd; /* -1: the kernel does not tell */
	struct watch *watch;
	struct timer timer;
	void (*on_change)(void *arg);
	void *arg;
};

static void on_timer(struct timer *t)
{
	struct ifaces_watch *w = CONTAINER_OF(t, struct ifaces_watch, timer);

	if (w->fd < 0)
		timer_start(loop_timers(w->loop), t, loop_now(w->loop) + POLL_MS);
	w->on_change(w->arg);
}

/* What it says is not read: whoever is told looks at everything anew. So an overflow (ENOBUFS) loses nothing. */
static void on_ready(void *arg, int events)
{
	struct ifaces_watch *w = arg;
	char waste[4096];

	for (int i = 0; i < 64; i++)
		if (recv(w->fd, waste, sizeof(waste), MSG_DONTWAIT) < 0 && errno != ENOBUFS && errno != EINTR)
			break;
	if (!timer_running(&w->timer))
		timer_start(loop_timers(w->loop), &w->timer, loop_now(w->loop) + BURST_MS);
}

static int open_watch(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct ifaces_watch *ifaces_watch_new(struct loop *l, void (*on_change)(void *arg), void *arg)
{
	struct ifaces_watch *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->on_change = on_change;
	w->arg = arg;
	w->timer.fire = on_timer;
	w->fd = open_watch();
	if (w->fd >= 0) {
		w->watch = watch_new(l, w->fd, on_ready, w);
		watch_set(w->watch, WATCH_READ);
	} else {
		timer_start(loop_timers(l), &w->timer, loop_now(l) + POLL_MS);
	}
	return w;
}

void ifaces_watch_free(struct ifaces_watch **watch)
{
	struct ifaces_watch *w = TAKE(*watch);

	if (!w)
		return;
	timer_stop(loop_timers(w->loop), &w->timer);
	watch_free(&w->watch);
	if (w->fd >= 0)
		close(w->fd);
	xfree(w);
}
