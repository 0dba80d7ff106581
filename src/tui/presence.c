/* Who is here, in lines. A node hears of the same change in several ways, one after the other (a link comes up, then what its
 * client says, then its record on the network), so each contact's is held for a moment, and only what came of it is shown.
 * With a server nothing is held: there each is news. */
#include "tui/line_i.h"

enum { HOLD_MS = 1000, HELD_MAX = 1000 };

struct held {
	struct list node;
	char *jid, *label;    /* the label as it was: who is gone may be forgotten, too */
	char *verb, *detail;  /* as it is */
	char *shown, *beside; /* as it was shown last */
	int64_t due;          /* 0: shown */
};

static bool same(const char *a, const char *b) { return str_eq(str_z(a ? a : ""), str_z(b ? b : "")); }

static void set(char **at, struct str s)
{
	xfree(*at);
	*at = str_dup(s);
}

static struct held *find(const struct line *n, struct str jid)
{
	LIST_EACH(k, &n->held) {
		struct held *h = LIST_ITEM(k, struct held, node);

		if (str_is(jid, h->jid))
			return h;
	}
	return NULL;
}

static struct held *make(struct line *n, struct str jid)
{
	struct held *h;

	if (n->held_n == HELD_MAX)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	h->jid = str_dup(jid);
	h->shown = xstrdup("unavailable");
	list_append(&n->held, &h->node);
	n->held_n++;
	return h;
}

static void show(struct line *n, struct held *h)
{
	struct client_event e = {.kind = EVENT_PRESENCE, .when = loop_wall(n->loop)};

	h->due = 0;
	if (same(h->verb, h->shown) && same(h->detail, h->beside))
		return;
	set(&h->shown, str_z(h->verb));
	set(&h->beside, str_z(h->detail));
	e.conversation = str_z(h->jid);
	e.label = str_z(h->label);
	e.verb = str_z(h->verb);
	e.detail = str_z(h->detail);
	line_show(n, &e);
}

static void arm(struct line *n)
{
	int64_t next = 0;

	LIST_EACH(k, &n->held) {
		const struct held *h = LIST_ITEM(k, struct held, node);

		if (h->due && (!next || h->due < next))
			next = h->due;
	}
	timer_stop(loop_timers(n->loop), &n->hold);
	if (next)
		timer_start(loop_timers(n->loop), &n->hold, next);
}

static void on_due(struct timer *t)
{
	struct line *n = CONTAINER_OF(t, struct line, hold);

	LIST_EACH(k, &n->held) {
		struct held *h = LIST_ITEM(k, struct held, node);

		if (h->due && h->due <= loop_now(n->loop))
			show(n, h);
	}
	arm(n);
}

bool line_hold(struct line *n, const struct client_event *e)
{
	struct held *h;

	if (!n->config.ask_node || n->config.json)
		return false;
	h = find(n, e->conversation);
	if (!h && !(h = make(n, e->conversation)))
		return false;
	set(&h->label, e->label);
	set(&h->verb, e->verb);
	set(&h->detail, e->detail);
	if (!h->due) /* or who changes all the time would never be shown */
		h->due = loop_now(n->loop) + HOLD_MS;
	arm(n);
	return true;
}

void line_release(struct line *n, struct str jid)
{
	LIST_EACH(k, &n->held) {
		struct held *h = LIST_ITEM(k, struct held, node);

		if (h->due && (!jid.p || str_is(jid, h->jid)))
			show(n, h);
	}
	arm(n);
}

void line_held_init(struct line *n)
{
	list_init(&n->held);
	n->hold.fire = on_due;
}

void line_held_clear(struct line *n)
{
	struct list *node;

	timer_stop(loop_timers(n->loop), &n->hold);
	while ((node = list_take(&n->held))) {
		struct held *h = LIST_ITEM(node, struct held, node);

		xfree(h->jid);
		xfree(h->label);
		xfree(h->verb);
		xfree(h->detail);
		xfree(h->shown);
		xfree(h->beside);
		xfree(h);
	}
}
