#include "actor.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "link/mem.h"
#include "link/tls.h"
#include "xmpp/ns.h"

enum { LINE_MAX_SHOWN = 1500 };

/* ---- traffic ---- */

void traffic_add(struct traffic *t, const struct script_actor *who, const char *what, struct str text)
{
	struct buf out;

	buf_init(&out, LINE_MAX_SHOWN + 200);
	buf_fmt(&out, "%s %s ", who->name, what);
	for (size_t i = 0; i < text.n && i < LINE_MAX_SHOWN; i++)
		buf_char(&out, (unsigned char)text.p[i] < ' ' ? ' ' : text.p[i]);
	if (text.n > LINE_MAX_SHOWN)
		buf_fmt(&out, "... (%zu bytes)", text.n);
	t->lines = xrealloc(t->lines, (t->n + 1) * sizeof(*t->lines));
	t->lines[t->n++] = (struct traffic_line){who, str_dup(buf_view(&out))};
	buf_clear(&out);
}

void traffic_forget(struct traffic *t, const struct script_actor *who, uint32_t n, const char *about)
{
	uint32_t kept = n;

	for (uint32_t i = n; i < t->n; i++) {
		if (t->lines[i].who == who && (!about || strstr(t->lines[i].text, about)))
			xfree(t->lines[i].text);
		else
			t->lines[kept++] = t->lines[i];
	}
	t->n = kept;
}

void traffic_clear(struct traffic *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		xfree(t->lines[i].text);
	xfree(TAKE(t->lines));
	t->n = 0;
}

/* ---- what comes ---- */

static void note(struct actor *a, const char *what, const struct item *i)
{
	struct buf text;

	buf_init(&text, 8 << 20);
	item_print(i, &text);
	traffic_add(a->traffic, a->role, what, buf_view(&text));
	buf_clear(&text);
}

static void on_item(void *arg, struct item *i)
{
	struct actor *a = arg;

	note(a, "<-", i);
	list_append(&a->inbox, &i->node);
	if (i->kind != ITEM_ELEMENT)
		return;
	/* After these the server says nothing until we begin a new stream (RFC 6120 5.4.3.3, 6.4.6). */
	if (elem_is(i->elem, "success", NS_SASL) || elem_is(i->elem, "proceed", NS_TLS))
		a->new_stream = true;
	if (elem_is(i->elem, "enabled", NS_SM) || elem_is(i->elem, "resumed", NS_SM))
		a->counting = true;
	/* A session may be bound by the script's own hand, too. */
	if (elem_is(i->elem, "iq", NS_CLIENT) && elem_find(i->elem, "bind", NS_BIND))
		a->bound = true;
	if (elem_is(i->elem, "resumed", NS_SM))
		a->bound = true;
}

static void fresh_reader(struct actor *a)
{
	reader_free(&a->reader);
	a->reader = reader_new(on_item, a);
	a->new_stream = false;
}

static void drop_link(struct actor *a)
{
	link_free(&a->link);
	a->cable = NULL;
	a->bound = a->counting = false;
	reader_free(&a->reader);
	scram_client_free(&a->scram);
	buf_clear(&a->out);
}

static void watch(struct actor *a);

static void read_some(struct actor *a)
{
	char bytes[4096];
	int n;

	while (a->link && (n = link_recv(a->link, bytes, sizeof(bytes))) != ERR_AGAIN) {
		if (n < 0) {
			traffic_add(a->traffic, a->role, "<-",
				str_z(n == ERR_TLS ? tls_link_error(a->link) : "(the connection ended)"));
			drop_link(a);
			a->ended = true;
			return;
		}
		reader_feed(a->reader, (struct str){bytes, (size_t)n});
		if (a->new_stream)
			fresh_reader(a);
	}
}

static void write_some(struct actor *a)
{
	int n = 1;

	while (a->link && a->out.n && (n = link_send(a->link, a->out.p, a->out.n)) > 0)
		buf_eat(&a->out, (size_t)n);
	/* A broken connection is noticed by reading, when all that the server said before has been read. */
	if (n < 0 && n != ERR_AGAIN)
		buf_reset(&a->out);
}

static void on_ready(void *arg, int events)
{
	struct actor *a = arg;

	(void)events;
	write_some(a);
	read_some(a);
	watch(a);
}

static void watch(struct actor *a)
{
	if (a->link)
		link_watch(a->link, WATCH_READ | (a->out.n ? WATCH_WRITE : 0), on_ready, a);
}

/* ---- life ---- */

void actor_init(struct actor *a, const struct script_actor *role, struct world *w, struct traffic *t)
{
	*a = (struct actor){.role = role, .world = w, .traffic = t};
	list_init(&a->inbox);
	buf_init(&a->out, 8 << 20);
}

void actor_forget(struct actor *a)
{
	for (struct list *n; (n = list_take(&a->inbox));)
		item_free(&(struct item *){LIST_ITEM(n, struct item, node)});
}

void actor_clear(struct actor *a)
{
	drop_link(a);
	actor_forget(a);
	elem_free(&a->features);
}

struct str actor_domain(const struct actor *a)
{
	struct str jid = str_z(a->role->jid), rest = jid;

	if (!jid.p)
		return STR("localhost");
	str_cut(&rest, '@');
	return str_cut(&rest, '/');
}

bool actor_connect(struct actor *a)
{
	drop_link(a);
	actor_forget(a);
	a->ended = false;
	a->link = world_connect(a->world, &a->cable);
	fresh_reader(a);
	traffic_add(a->traffic, a->role, "--", str_z("(connects)"));
	watch(a);
	return a->link != NULL;
}

void actor_disconnect(struct actor *a, bool cut)
{
	traffic_add(a->traffic, a->role, "--", str_z(cut ? "(loses the connection)" : "(disconnects)"));
	if (a->link && cut && a->cable)
		mem_link_cut(a->cable);
	else if (a->link)
		link_shutdown(a->link);
	drop_link(a);
}

void actor_start_tls(struct actor *a)
{
	if (!a->link)
		return;
	a->link = world_start_tls(a->world, &a->link);
	fresh_reader(a);
	watch(a);
}

void actor_stall(struct actor *a, bool stalled)
{
	traffic_add(a->traffic, a->role, "--", str_z(stalled ? "(stops reading)" : "(reads on)"));
	if (a->cable)
		mem_link_stall(a->cable, stalled);
}

void actor_send(struct actor *a, struct str bytes)
{
	traffic_add(a->traffic, a->role, "->", bytes);
	buf_str(&a->out, bytes);
	write_some(a);
	watch(a);
}

void actor_send_fmt(struct actor *a, const char *fmt, ...)
{
	char text[8192];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(n > 0 && (size_t)n < sizeof(text));
	actor_send(a, (struct str){text, (size_t)n});
}

/* ---- waiting ---- */

static bool something_came(void *arg)
{
	const struct actor *a = arg;

	return !list_empty(&a->inbox) || !a->link;
}

static bool has_ended(void *arg) { return !((const struct actor *)arg)->link; }

struct item *actor_waiting(struct actor *a)
{
	return list_empty(&a->inbox) ? NULL : LIST_ITEM(a->inbox.next, struct item, node);
}

struct item *actor_next(struct actor *a)
{
	world_wait(a->world, something_came, a);
	return actor_waiting(a);
}

struct item *actor_take(struct actor *a)
{
	struct list *n = list_take(&a->inbox);

	return n ? LIST_ITEM(n, struct item, node) : NULL;
}

bool actor_wait_ended(struct actor *a) { return world_wait(a->world, has_ended, a); }
