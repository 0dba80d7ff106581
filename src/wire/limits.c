/* What one address may do: how many connections that are not logged in, and how fast it may guess passwords. */
#include "wire/wire_i.h"

#include <stdio.h>

struct address {
	char *text;
	bool local;
	uint32_t logins;   /* connections not yet logged in */
	uint32_t users;    /* all connections that point here */
	uint32_t failures; /* failed logins, halved every minute without one */
	int64_t failed_at;
	int64_t answer_at; /* of the last delayed answer; the next one comes later */
};

enum { ADDRESSES_MAX = 100000, FAILURE_DELAY_MS = 500, FAILURE_DELAY_MAX_MS = 10000, FORGET_MS = 60000 };

const struct wire_limits wire_limits_default = {
	.before_login = {.stanza = 10 * 1024, .depth = 16, .attrs = 32, .name = 256, .nodes = 256},
	.session = {.stanza = 256 * 1024, .depth = 64, .attrs = 64, .name = 512, .nodes = 16384},
	.login_ms = 20000,
	.stall_ms = 30000,
	.ack_ms = 60000,
	.drain_ms = 5000,
	.logins_max = 2000,
	.logins_max_address = 50,
	.free_tries = 3,
	.queue_max = 100000,
	.idle_max = 256,
	.queue_bytes = 16 << 20,
};

static struct str address_key(const void *item) { return str_z(((const struct address *)item)->text); }

static uint32_t failures_now(const struct wire *w, const struct address *a)
{
	int64_t minutes = (loop_now(w->loop) - a->failed_at) / FORGET_MS;

	return minutes > 31 ? 0 : a->failures >> minutes;
}

static void forget_if_idle(struct wire *w, struct address *a)
{
	if (a->users || failures_now(w, a))
		return;
	map_remove(&w->addresses, str_z(a->text));
	xfree(a->text);
	xfree(a);
}

/* Addresses that only left failures behind, long enough ago. */
static void sweep(struct wire *w)
{
	struct address **idle = xmalloc(w->addresses.n * sizeof(*idle)), *a;
	uint32_t n = 0;

	for (uint32_t pos = 0; (a = map_next(&w->addresses, &pos));)
		if (!a->users && !failures_now(w, a))
			idle[n++] = a;
	for (uint32_t i = 0; i < n; i++)
		forget_if_idle(w, idle[i]);
	xfree(idle);
}

/* Whoever has one IPv6 address has all of its /64; so that is what counts as one. Not link-local ones: that network is
 * everybody on the wire. `text` is as the system writes addresses. */
static struct str counted_as(struct str text, char out[48])
{
	struct str rest = text, group[8];
	size_t n = 0, before = 8; /* groups there are; those before "::" */
	int len = 0;

	if (!text.n || !memchr(text.p, ':', text.n) || str_starts(text, STR("fe80:")) || str_starts(text, STR("unix:")))
		return text;
	while (rest.p && n < 8) {
		struct str word = str_cut(&rest, ':');

		if (!word.n && before == 8)
			before = n;
		else if (word.n && word.n <= 4)
			group[n++] = word;
	}
	for (size_t i = 0; i < 4; i++) {
		size_t at = i < before ? i : i + n >= 8 + before ? i + n - 8 : SIZE_MAX;
		struct str word = at < n ? group[at] : STR("0");

		len += snprintf(out + len, 48 - (size_t)len, "%.*s:", STR_FMT(word));
	}
	len += snprintf(out + len, 48 - (size_t)len, ":/64");
	return (struct str){out, (size_t)len};
}

static struct address *find_or_make(struct wire *w, const struct link_info *info)
{
	char network[48];
	struct str text = counted_as(info->address, network);
	struct address *a;

	a = map_find(&w->addresses, text);
	if (a)
		return a;
	if (w->addresses.n >= ADDRESSES_MAX)
		sweep(w);
	a = xcalloc(1, sizeof(*a));
	a->text = str_dup(text);
	a->local = info->local;
	if (map_add(&w->addresses, a) != 0) {
		xfree(a->text);
		xfree(a);
		return NULL;
	}
	return a;
}

struct address *address_enter(struct wire *w, const struct link_info *info)
{
	const struct wire_limits *limits = &w->config.limits;
	struct address *a;
	uint32_t max;

	if (!w->addresses.key)
		map_init(&w->addresses, address_key, ADDRESSES_MAX);
	if (limits->logins_max && w->logins >= limits->logins_max)
		return NULL;
	a = find_or_make(w, info);
	if (!a)
		return NULL;
	max = limits->logins_max_address * (a->local ? 10 : 1);
	if (max && a->logins >= max)
		return NULL;
	a->logins++;
	a->users++;
	w->logins++;
	return a;
}

void address_logged_in(struct wire *w, struct address *a)
{
	a->logins--;
	w->logins--;
}

void address_leave(struct wire *w, struct address **address, bool logged_in)
{
	struct address *a = TAKE(*address);

	if (!a)
		return;
	if (!logged_in)
		address_logged_in(w, a);
	a->users--;
	forget_if_idle(w, a);
}

uint32_t address_failed(struct wire *w, struct address *a)
{
	uint32_t n = failures_now(w, a) + 1, over, delay;

	a->failures = n;
	a->failed_at = loop_now(w->loop);
	if (!w->config.limits.free_tries || n <= w->config.limits.free_tries)
		return 0;
	over = n - w->config.limits.free_tries;
	delay = over > 5 ? FAILURE_DELAY_MAX_MS : (uint32_t)FAILURE_DELAY_MS << (over - 1);
	if (delay > FAILURE_DELAY_MAX_MS)
		delay = FAILURE_DELAY_MAX_MS;
	/* Answers to one address come one after the other: more connections are no more guesses. */
	if (a->answer_at < a->failed_at)
		a->answer_at = a->failed_at;
	a->answer_at += delay;
	/* Nobody is there any more to be answered after the deadline of logins: so nothing adds up behind it. */
	if (a->answer_at > a->failed_at + w->config.limits.login_ms)
		a->answer_at = a->failed_at + w->config.limits.login_ms;
	return (uint32_t)(a->answer_at - a->failed_at);
}

const char *address_text(const struct address *a) { return a ? a->text : "?"; }

void address_forget_all(struct wire *w)
{
	struct address *a;

	for (uint32_t pos = 0; w->addresses.key && (a = map_next(&w->addresses, &pos));) {
		xfree(a->text);
		xfree(a);
	}
	if (w->addresses.key)
		map_clear(&w->addresses);
}
