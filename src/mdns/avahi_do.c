/* What is done in avahi's thread. */
#include "base/mem.h"
#include "mdns/avahi_i.h"

enum { TTL_PICTURE = 120, EVENTS_MAX = 65536 };

/* From nothing, in a second: events that build on each other cannot be left out. */
static void begin_again(struct avahi_thread *t)
{
	send_command(t, (struct command){.kind = DO_DISCONNECT, .id = t->generation});
}

/* The loop may not keep up. */
static void post(struct avahi_thread *t, struct avahi_event e)
{
	if (e.kind != AVAHI_EVENT_DOWN && mailbox_count(&t->events) >= EVENTS_MAX) {
		if (!t->overflowed)
			begin_again(t);
		t->overflowed = true;
		xfree(e.rdata);
		return;
	}
	struct event *event = xcalloc(1, sizeof(*event));
	event->e = e;
	mailbox_put(&t->events, &event->node);
}

static void free_watched(struct watched *w)
{
	w->thread->lib->browser_free(w->browser);
	list_remove(&w->node);
	xfree(w);
}

static void forget_group(struct group *g)
{
	xfree(g->instance);
	xfree(g->bytes);
	xfree(g);
}

static void free_group(struct group *g)
{
	const struct avahi_lib *lib = g->thread->lib;

	if (g->service)
		lib->group_free(g->service);
	if (g->picture)
		lib->group_free(g->picture);
	list_remove(&g->node);
	forget_group(g);
}

static void free_groups(struct avahi_thread *t)
{
	LIST_EACH(node, &t->groups)
		free_group(LIST_ITEM(node, struct group, node));
}

/* The library closes the connection first, so nothing in this waits for the daemon, which withdraws what was ours. */
void avahi_disconnect(struct avahi_thread *t)
{
	if (t->client)
		t->lib->client_free(TAKE(t->client));
	for (struct list *node; (node = list_take(&t->watched));)
		xfree(LIST_ITEM(node, struct watched, node));
	for (struct list *node; (node = list_take(&t->groups));) {
		forget_group(LIST_ITEM(node, struct group, node));
	}
}

static void on_client(struct avahi_client *c, int state, void *arg)
{
	struct avahi_thread *t = arg;

	switch (state) {
	case AVAHI_CLIENT_RUNNING:
		post(t, (struct avahi_event){.kind = AVAHI_EVENT_UP});
		break;
	case AVAHI_CLIENT_REGISTERING:
	case AVAHI_CLIENT_COLLISION:
		free_groups(t);
		post(t, (struct avahi_event){.kind = AVAHI_EVENT_UNSETTLED});
		break;
	case AVAHI_CLIENT_FAILURE:
		begin_again(t); /* not from within its own callback */
		break;
	default:
		break;
	}
}

static void do_connect(struct avahi_thread *t, struct command *c)
{
	int error;

	if (t->client)
		return;
	t->generation++;
	t->client =
		t->lib->client_new(t->lib->poll_get(t->poll), c->wait ? AVAHI_CLIENT_NO_FAIL : 0, on_client, t, &error);
	if (!t->client)
		post(t, (struct avahi_event){.kind = AVAHI_EVENT_DOWN});
}

/* Of the client that failed, not of one made since. */
static void do_disconnect(struct avahi_thread *t, struct command *c)
{
	if (!t->client || c->id != t->generation)
		return;
	avahi_disconnect(t);
	t->overflowed = false;
	post(t, (struct avahi_event){.kind = AVAHI_EVENT_DOWN});
}

static void on_record(struct avahi_browser *b, int interface, int protocol, int event, const char *name, uint16_t class,
	uint16_t type, const void *rdata, size_t n, int flags, void *arg)
{
	struct watched *w = arg;
	struct avahi_event e = {.id = w->id, .ifindex = (uint32_t)interface, .protocol = protocol == AVAHI_IPV6};

	if (event == AVAHI_BROWSER_FAILURE)
		begin_again(w->thread); /* it would tell nothing any more */
	if ((event != AVAHI_BROWSER_NEW && event != AVAHI_BROWSER_REMOVE) || interface <= 0 || n > UINT16_MAX)
		return;
	e.kind = event == AVAHI_BROWSER_NEW ? AVAHI_EVENT_NEW : AVAHI_EVENT_REMOVED;
	e.n = (uint16_t)n;
	e.rdata = n ? xmemdup(rdata, n) : NULL;
	post(w->thread, e);
}

/* "alice\064alpha._presence._tcp.local": as the library wants it. */
static char *escape(const struct dns_name *name)
{
	struct buf out = {.max = 4 * DNS_NAME_MAX};

	for (unsigned at = 0; name->b[at]; at += 1u + name->b[at]) {
		for (unsigned i = 1; i <= name->b[at]; i++) {
			uint8_t c = name->b[at + i];
			bool plain =
				(c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_';
			if (plain)
				buf_char(&out, (char)c);
			else
				buf_fmt(&out, "\\%03u", c);
		}
		if (name->b[at + 1 + name->b[at]])
			buf_char(&out, '.');
	}
	char *text = str_dup(buf_view(&out));
	buf_clear(&out);
	return text;
}

static void do_watch(struct avahi_thread *t, struct command *c)
{
	if (!t->client)
		return;
	struct watched *w = xcalloc(1, sizeof(*w));
	char *name = escape(&c->name);
	w->thread = t;
	w->id = c->id;
	list_append(&t->watched, &w->node);
	w->browser = t->lib->browser_new(t->client, AVAHI_ANY, AVAHI_ANY, name, DNS_IN, c->type, 0, on_record, w);
	xfree(name);
	if (w->browser)
		return;
	list_remove(&w->node);
	xfree(w);
	begin_again(t);
}

static void do_unwatch(struct avahi_thread *t, struct command *c)
{
	LIST_EACH(node, &t->watched) {
		struct watched *w = LIST_ITEM(node, struct watched, node);
		if (w->id == c->id)
			free_watched(w);
	}
}

static void on_group(struct avahi_group *group, int state, void *arg)
{
	struct group *g = arg;
	struct avahi_event e = {.id = g->id, .ifindex = g->ifindex};

	if (state == AVAHI_GROUP_ESTABLISHED)
		e.kind = AVAHI_EVENT_ESTABLISHED;
	else if (state == AVAHI_GROUP_COLLISION)
		e.kind = AVAHI_EVENT_COLLISION;
	else if (state == AVAHI_GROUP_FAILURE)
		e.kind = AVAHI_EVENT_REFUSED;
	else
		return;
	post(g->thread, e);
}

static void on_picture(struct avahi_group *group, int state, void *arg) {}

/* The library puts each before the others, and the daemon turns that round. */
static struct avahi_strings *strings_of(const struct avahi_lib *lib, const struct service *s)
{
	struct avahi_strings *list = NULL;
	size_t pos = 0;

	for (struct str x; (x = service_txt_next(s, &pos)).p;)
		list = lib->strings_add(list, (const uint8_t *)x.p, x.n);
	return list;
}

static int publish_service(struct group *g, const struct service *s)
{
	const struct avahi_lib *lib = g->thread->lib;
	struct avahi_strings *txt = strings_of(lib, s);
	int error;

	if (g->service) {
		error = lib->group_update_txt(g->service, (int)g->ifindex, AVAHI_ANY, AVAHI_PUBLISH_NO_COOKIE,
			g->instance, "_presence._tcp", "local", txt);
	} else {
		g->service = lib->group_new(g->thread->client, on_group, g);
		error = g->service
			? lib->group_add_service(g->service, (int)g->ifindex, AVAHI_ANY, AVAHI_PUBLISH_NO_COOKIE,
				  g->instance, "_presence._tcp", "local", NULL, s->port, txt)
			: -1;
		if (!error)
			error = lib->group_commit(g->service);
	}
	lib->strings_free(txt);
	return error;
}

/* The first without announcing it: large, and of use only to those who ask. But another one, because who has asked keeps what he got for
 * as long as it lives, unless he hears of the new one (RFC 6762 section 10.2). */
static void publish_picture(struct group *g, const char *picture, size_t n)
{
	const struct avahi_lib *lib = g->thread->lib;
	const int flags = AVAHI_PUBLISH_UNIQUE | AVAHI_PUBLISH_NO_PROBE | (g->picture ? 0 : AVAHI_PUBLISH_NO_ANNOUNCE);
	struct dns_name name, type;

	if (g->picture && picture && n == g->n && memcmp(picture, g->bytes, n) == 0)
		return;
	if (g->picture)
		lib->group_free(TAKE(g->picture));
	xfree(TAKE(g->bytes));
	if (!picture || dns_name_parse(&type, "_presence._tcp.local") < 0 ||
		dns_name_under(&name, str_z(g->instance), &type) < 0)
		return;
	g->picture = lib->group_new(g->thread->client, on_picture, g);
	if (!g->picture)
		return;
	g->bytes = xmemdup(picture, n);
	g->n = n;
	char *text = escape(&name);
	int error = lib->group_add_record(g->picture, (int)g->ifindex, AVAHI_ANY, flags, text, DNS_IN, DNS_NULL,
		TTL_PICTURE, picture, n);
	xfree(text);
	if (!error)
		error = lib->group_commit(g->picture);
	if (error)
		lib->group_free(TAKE(g->picture)); /* the next change of anything tries again */
}

static struct group *find_group(struct avahi_thread *t, uint32_t id)
{
	LIST_EACH(node, &t->groups) {
		struct group *g = LIST_ITEM(node, struct group, node);
		if (g->id == id)
			return g;
	}
	return NULL;
}

static struct group *make_group(struct avahi_thread *t, const struct command *c)
{
	struct group *g = xcalloc(1, sizeof(*g));

	g->thread = t;
	g->id = c->id;
	g->ifindex = c->ifindex;
	g->instance = xstrdup(c->service->instance);
	g->port = c->service->port;
	list_append(&t->groups, &g->node);
	return g;
}

static void do_publish(struct avahi_thread *t, struct command *c)
{
	struct group *g = find_group(t, c->id);

	if (!t->client)
		return;
	if (g && (strcmp(g->instance, c->service->instance) != 0 || g->port != c->service->port)) {
		free_group(g);
		g = NULL;
	}
	if (!g)
		g = make_group(t, c);
	/* Whoever sees the hash of a picture asks for that at once, and would be given the one before. But a new name is not to be
	 * answered for before it is known to be ours. */
	bool known = g->service != NULL;
	if (known)
		publish_picture(g, c->picture, c->n);
	int error = publish_service(g, c->service);
	if (!error) {
		if (!known)
			publish_picture(g, c->picture, c->n);
		return;
	}
	struct avahi_event e = {.kind = AVAHI_EVENT_REFUSED, .id = g->id, .ifindex = g->ifindex};
	if (error == AVAHI_ERR_COLLISION)
		e.kind = AVAHI_EVENT_COLLISION;
	free_group(g);
	post(t, e);
}

static void do_withdraw(struct avahi_thread *t, struct command *c)
{
	struct group *g = find_group(t, c->id);

	if (g)
		free_group(g);
}

static void (*const commands[])(struct avahi_thread *t, struct command *c) = {
	[DO_CONNECT] = do_connect,
	[DO_DISCONNECT] = do_disconnect,
	[DO_WATCH] = do_watch,
	[DO_UNWATCH] = do_unwatch,
	[DO_PUBLISH] = do_publish,
	[DO_WITHDRAW] = do_withdraw,
};

void avahi_on_command(struct avahi_watch *w, int fd, int events, void *arg)
{
	struct avahi_thread *t = arg;

	mailbox_read(&t->commands);
	for (struct list *node; (node = mailbox_take(&t->commands));) {
		struct command *c = LIST_ITEM(node, struct command, node);
		flag_set(&t->busy, true);
		commands[c->kind](t, c);
		flag_set(&t->busy, false);
		command_free(c);
	}
}
