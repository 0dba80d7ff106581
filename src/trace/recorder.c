#include "trace/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "trace/pcap.h"

enum { PACKETS_A_STEP = 1000, OUT_MAX = 160 << 20 };

struct recorder {
	int fd;
	int err;
	bool pcap;
	uint16_t link_type;
	struct hold *hold;
	struct buf out;
	uint64_t most, taken; /* packets */
	bool (*keep)(void *arg, const struct pcapng_packet *p);
	void *arg;
};

int trace_file(const char *path)
{
	int fd;

	if (unlink(path) != 0 && errno != ENOENT)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd;
}

int trace_write(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

static void flush(struct recorder *r)
{
	if (!r->err)
		r->err = buf_ok(&r->out) ? trace_write(r->fd, buf_view(&r->out)) : ERR_LIMIT;
	if (r->out.p)
		mem_wipe(r->out.p, r->out.n);
	buf_reset(&r->out);
}

int recorder_new(const char *path, const struct recorder_head *head, struct recorder **ret)
{
	int fd = trace_file(path);

	return fd < 0 ? ERR_IO : recorder_on(fd, head, ret);
}

static void put_head(struct recorder *r, const struct recorder_head *head)
{
	if (r->pcap) {
		pcap_put_head(&r->out, r->link_type);
		return;
	}
	pcapng_put_section(&r->out, STR("Wireside " WIRESIDE_VERSION), head->comment);
	pcapng_put_interface(&r->out, r->link_type, head->interface, head->description);
	recorder_names(r, head->names, head->name_n);
}

int recorder_on(int fd, const struct recorder_head *head, struct recorder **ret)
{
	struct recorder *r = xcalloc(1, sizeof(*r));

	r->fd = fd;
	r->link_type = head->link_type ? head->link_type : PCAPNG_ETHERNET;
	r->hold = hold_new(head->secrets);
	buf_init(&r->out, OUT_MAX);
	r->pcap = head->pcap;
	r->most = head->most;
	r->keep = head->keep;
	r->arg = head->arg;
	put_head(r, head);
	flush(r);
	*ret = r;
	return 0;
}

void recorder_key(struct recorder *r, struct str line) { hold_key(r->hold, line); }

void recorder_packet(struct recorder *r, const struct pcapng_packet *p, int64_t now)
{
	if (r->most && r->taken == r->most)
		return;
	r->taken++;
	if (r->pcap)
		pcap_put_packet(&r->out, p);
	else
		hold_packet(r->hold, p, r->link_type, now);
}

void recorder_names(struct recorder *r, const struct pcapng_name *names, size_t n)
{
	if (n && !r->pcap)
		pcapng_put_names(&r->out, names, n);
}

int recorder_step(struct recorder *r, struct source *s, int64_t now)
{
	struct pcapng_packet p;
	int n = 1;

	for (int i = 0; s && i < PACKETS_A_STEP; i++) {
		n = source_next(s, &p);
		if (n <= 0)
			break;
		if (!r->keep || r->keep(r->arg, &p))
			recorder_packet(r, &p, now);
	}
	hold_take(r->hold, now, false, &r->out);
	flush(r);
	return n < 0 ? n : r->err;
}

void recorder_end(struct recorder *r)
{
	hold_take(r->hold, 0, true, &r->out);
	flush(r);
}

int recorder_free(struct recorder **recorder, uint64_t received, uint64_t dropped)
{
	struct recorder *r = TAKE(*recorder);
	int err;

	if (!r)
		return 0;
	recorder_end(r);
	if (!r->pcap)
		pcapng_put_statistics(&r->out, 0, clock_wall() * 1000000, received, dropped);
	flush(r);
	err = r->err;
	if (close(r->fd) != 0)
		err = ERR_IO;
	hold_free(&r->hold);
	buf_clear(&r->out);
	xfree(r);
	return err;
}

bool recorder_knows(const struct recorder *r, const struct frame *ends) { return hold_knows(r->hold, ends); }
uint64_t recorder_packets(const struct recorder *r) { return r->pcap ? r->taken : hold_packets(r->hold); }
uint64_t recorder_sessions(const struct recorder *r) { return hold_sessions(r->hold); }
