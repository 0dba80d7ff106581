/* The end of a link after the last word was said. Closing a socket that has unread input resets the connection, and
 * the reset may reach the client before the stream error does; so what it still sends is read and forgotten for a
 * while, until it closes, too. A server that stops waits for them (wire_lingering()). */
#include "wire/wire_i.h"

enum { LINGERS_MAX = 256, LINGER_MS = 2000, LINGER_BYTES = 1 << 20 };

struct linger {
	struct wire *wire;
	struct link *link;
	struct list node; /* in wire->lingers */
	struct timer timer;
	bool remote;
	size_t left; /* bytes that will be put up with */
};

static void linger_free(struct linger *l)
{
	timer_stop(loop_timers(l->wire->loop), &l->timer);
	list_remove(&l->node);
	l->wire->linger_n--;
	l->wire->linger_remote -= l->remote;
	link_free(&l->link);
	xfree(l);
}

static void on_timer(struct timer *t) { linger_free(CONTAINER_OF(t, struct linger, timer)); }

static void on_ready(void *arg, int events)
{
	struct linger *l = arg;
	int n = link_recv(l->link, l->wire->read_buf, READ_SIZE);

	if (n == ERR_AGAIN)
		return;
	if (n < 0 || (size_t)n >= l->left)
		linger_free(l);
	else
		l->left -= (size_t)n;
}

void linger_link(struct wire *w, struct link **link)
{
	struct link_info info;
	struct linger *l;

	if (w->linger_n >= LINGERS_MAX) {
		link_free(link);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->wire = w;
	l->link = TAKE(*link);
	l->left = LINGER_BYTES;
	l->timer.fire = on_timer;
	list_append(&w->lingers, &l->node);
	link_info(l->link, &info);
	l->remote = info.unix_uid < 0;
	w->linger_n++;
	w->linger_remote += l->remote;
	timer_start(loop_timers(w->loop), &l->timer, loop_now(w->loop) + LINGER_MS);
	link_watch(l->link, WATCH_READ, on_ready, l);
}

unsigned wire_lingering(const struct wire *w) { return w->linger_remote; }

void linger_end_all(struct wire *w)
{
	LIST_EACH(node, &w->lingers)
		linger_free(LIST_ITEM(node, struct linger, node));
}
