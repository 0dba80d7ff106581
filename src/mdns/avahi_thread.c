#include "mdns/avahi_thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "mdns/avahi_lib.h"

enum { TTL_PICTURE = 120, EVENTS_MAX = 65536 };

enum command_kind { DO_CONNECT, DO_DISCONNECT, DO_WATCH, DO_UNWATCH, DO_PUBLISH, DO_WITHDRAW };

struct command {
	struct list node;
	enum command_kind kind;
	uint32_t id, ifindex;
	bool wait;
	struct dns_name name;
	uint16_t type;
	struct service *service;
	char *picture;
	size_t n;
};

struct event {
	struct list node;
	struct avahi_event e;
};

/* A mailbox: things in order, and a descriptor that is readable when there are any. */
struct mailbox {
	pthread_mutex_t lock;
	struct list things; /* under lock */
	unsigned n;         /* under lock */
	int fd;
};

/* What the thread has: only its own functions look at these. */
struct watched {
	struct list node;
	struct avahi_thread *thread;
	uint32_t id;
	struct avahi_browser *browser;
};

struct group {
	struct list node;
	struct avahi_thread *thread;
	uint32_t id, ifindex;
	char *instance;
	uint16_t port;
	struct avahi_group *service, *picture;
};

struct avahi_thread {
	const struct avahi_lib *lib;
	struct mailbox commands, events;
	/* the loop's */
	struct watch *watch;
	void (*on_event)(void *arg, const struct avahi_event *e);
	void *arg;
	bool *freed; /* set while events are given out: tells that we are no more */
	/* the thread's */
	struct avahi_threaded_poll *poll;
	struct avahi_watch *command_watch;
	struct avahi_client *client;
	struct list watched, groups;
	bool overflowed;
	bool busy; /* in a command; under commands.lock */
};

static bool mailbox_init(struct mailbox *m)
{
	must(pthread_mutex_init(&m->lock, NULL) == 0);
	list_init(&m->things);
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return m->fd >= 0;
}

static void mailbox_put(struct mailbox *m, struct list *thing)
{
	uint64_t one = 1;

	pthread_mutex_lock(&m->lock);
	list_append(&m->things, thing);
	m->n++;
	pthread_mutex_unlock(&m->lock);
	while (write(m->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static struct list *mailbox_take(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	struct list *thing = list_take(&m->things);
	m->n -= thing != NULL;
	pthread_mutex_unlock(&m->lock);
	return thing;
}

static unsigned mailbox_count(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	unsigned n = m->n;
	pthread_mutex_unlock(&m->lock);
	return n;
}

static void mailbox_read(struct mailbox *m)
{
	uint64_t count;

	while (read(m->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

static void mailbox_clear(struct mailbox *m)
{
	if (m->fd >= 0)
		close(m->fd);
	pthread_mutex_destroy(&m->lock);
}

static void command_free(struct command *c)
{
	service_free(&c->service);
	xfree(c->picture);
	xfree(c);
}

static void event_free(struct event *e)
{
	xfree(e->e.rdata);
	xfree(e);
}

/* ---- in avahi's thread ---- */

static void send_command(struct avahi_thread *t, struct command c)
{
	struct command *copy = xmemdup(&c, sizeof(c));

	mailbox_put(&t->commands, &copy->node);
}

/* If the loop does not keep up, we begin again from nothing: events that build on each other cannot be left out. */
static void post(struct avahi_thread *t, struct avahi_event e)
{
	if (e.kind != AVAHI_EVENT_DOWN && mailbox_count(&t->events) >= EVENTS_MAX) {
		if (!t->overflowed)
			send_command(t, (struct command){.kind = DO_DISCONNECT});
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

static void free_group(struct group *g)
{
	const struct avahi_lib *lib = g->thread->lib;

	if (g->service)
		lib->group_free(g->service);
	if (g->picture)
		lib->group_free(g->picture);
	list_remove(&g->node);
	xfree(g->instance);
	xfree(g);
}

static void free_groups(struct avahi_thread *t)
{
	LIST_EACH(node, &t->groups)
		free_group(LIST_ITEM(node, struct group, node));
}

/* The library closes the connection first, so nothing in this waits for the daemon, which withdraws what was ours. */
static void disconnect(struct avahi_thread *t)
{
	if (t->client)
		t->lib->client_free(TAKE(t->client));
	for (struct list *node; (node = list_take(&t->watched));)
		xfree(LIST_ITEM(node, struct watched, node));
	for (struct list *node; (node = list_take(&t->groups));) {
		struct group *g = LIST_ITEM(node, struct group, node);
		xfree(g->instance);
		xfree(g);
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
		/* Not from within its own callback. */
		send_command(t, (struct command){.kind = DO_DISCONNECT});
		break;
	default:
		break;
	}
}

static void do_connect(struct avahi_thread *t, struct command *c)
{
	int error;

	disconnect(t);
	t->client =
		t->lib->client_new(t->lib->poll_get(t->poll), c->wait ? AVAHI_CLIENT_NO_FAIL : 0, on_client, t, &error);
	if (!t->client)
		post(t, (struct avahi_event){.kind = AVAHI_EVENT_DOWN});
}

static void do_disconnect(struct avahi_thread *t, struct command *c)
{
	disconnect(t);
	t->overflowed = false;
	post(t, (struct avahi_event){.kind = AVAHI_EVENT_DOWN});
}

static void on_record(struct avahi_browser *b, int interface, int protocol, int event, const char *name, uint16_t class,
	uint16_t type, const void *rdata, size_t n, int flags, void *arg)
{
	struct watched *w = arg;
	struct avahi_event e = {.id = w->id, .ifindex = (uint32_t)interface, .protocol = protocol == AVAHI_IPV6};

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

/* Without announcing it: large, and of use only to those who ask. */
static void publish_picture(struct group *g, const char *picture, size_t n)
{
	const struct avahi_lib *lib = g->thread->lib;
	const int flags = AVAHI_PUBLISH_UNIQUE | AVAHI_PUBLISH_NO_PROBE | AVAHI_PUBLISH_NO_ANNOUNCE;
	struct dns_name name, type;

	if (g->picture)
		lib->group_free(TAKE(g->picture));
	if (!picture || dns_name_parse(&type, "_presence._tcp.local") < 0 ||
		dns_name_under(&name, str_z(g->instance), &type) < 0)
		return;
	g->picture = lib->group_new(g->thread->client, on_picture, g);
	if (!g->picture)
		return;
	char *text = escape(&name);
	int error = lib->group_add_record(g->picture, (int)g->ifindex, AVAHI_ANY, flags, text, DNS_IN, DNS_NULL,
		TTL_PICTURE, picture, n);
	xfree(text);
	if (!error)
		lib->group_commit(g->picture);
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
	int error = publish_service(g, c->service);
	if (!error) {
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

static void set_busy(struct avahi_thread *t, bool busy)
{
	pthread_mutex_lock(&t->commands.lock);
	t->busy = busy;
	pthread_mutex_unlock(&t->commands.lock);
}

static void on_command(struct avahi_watch *w, int fd, int events, void *arg)
{
	struct avahi_thread *t = arg;

	mailbox_read(&t->commands);
	for (struct list *node; (node = mailbox_take(&t->commands));) {
		struct command *c = LIST_ITEM(node, struct command, node);
		set_busy(t, true);
		commands[c->kind](t, c);
		set_busy(t, false);
		command_free(c);
	}
}

/* ---- in the loop's thread ---- */

static void on_mail(void *arg, int events)
{
	struct avahi_thread *t = arg;
	bool freed = false;

	mailbox_read(&t->events);
	t->freed = &freed;
	for (struct list *node; !freed && (node = mailbox_take(&t->events));) {
		struct event *e = LIST_ITEM(node, struct event, node);
		t->on_event(t->arg, &e->e);
		event_free(e);
	}
	if (!freed)
		t->freed = NULL;
}

static bool start(struct avahi_thread *t)
{
	bool open = mailbox_init(&t->commands);
	open = mailbox_init(&t->events) && open;
	if (!open)
		return false;
	t->poll = t->lib->poll_new();
	if (!t->poll)
		return false;
	const struct avahi_poll *api = t->lib->poll_get(t->poll);
	t->command_watch = api->watch_new(api, t->commands.fd, POLLIN, on_command, t);
	return t->command_watch && t->lib->poll_start(t->poll) == 0;
}

struct avahi_thread *avahi_thread_new(struct loop *l, void (*on_event)(void *arg, const struct avahi_event *e),
	void *arg)
{
	const struct avahi_lib *lib = avahi_lib_get();

	if (!lib)
		return NULL;
	struct avahi_thread *t = xcalloc(1, sizeof(*t));
	t->lib = lib;
	t->on_event = on_event;
	t->arg = arg;
	list_init(&t->watched);
	list_init(&t->groups);
	if (!start(t)) {
		avahi_thread_free(&t);
		return NULL;
	}
	t->watch = watch_new(l, t->events.fd, on_mail, t);
	watch_set(t->watch, WATCH_READ);
	return t;
}

/* Waits for the thread's end, and frees everything but what belongs to the loop. */
static void *end(void *arg)
{
	struct avahi_thread *t = arg;

	if (t->poll)
		t->lib->poll_stop(t->poll);
	disconnect(t);
	if (t->command_watch)
		t->lib->poll_get(t->poll)->watch_free(t->command_watch);
	if (t->poll)
		t->lib->poll_free(t->poll);
	for (struct list *node; (node = list_take(&t->commands.things));)
		command_free(LIST_ITEM(node, struct command, node));
	for (struct list *node; (node = list_take(&t->events.things));)
		event_free(LIST_ITEM(node, struct event, node));
	mailbox_clear(&t->commands);
	mailbox_clear(&t->events);
	xfree(t);
	return NULL;
}

/* A daemon that hangs has its callers wait for 25 s. We do not: somebody else does. */
static bool end_elsewhere(struct avahi_thread *t)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, end, t) == 0 && pthread_detach(thread) == 0;
}

void avahi_thread_free(struct avahi_thread **thread)
{
	struct avahi_thread *t = TAKE(*thread);

	if (!t)
		return;
	if (t->freed)
		*t->freed = true;
	watch_free(&t->watch);
	pthread_mutex_lock(&t->commands.lock);
	bool busy = t->busy;
	pthread_mutex_unlock(&t->commands.lock);
	if (!busy || !end_elsewhere(t))
		end(t);
}

void avahi_connect(struct avahi_thread *t, bool wait)
{
	send_command(t, (struct command){.kind = DO_CONNECT, .wait = wait});
}

void avahi_watch(struct avahi_thread *t, uint32_t id, const struct dns_name *name, uint16_t type)
{
	send_command(t, (struct command){.kind = DO_WATCH, .id = id, .name = *name, .type = type});
}

void avahi_unwatch(struct avahi_thread *t, uint32_t id)
{
	send_command(t, (struct command){.kind = DO_UNWATCH, .id = id});
}

void avahi_publish(struct avahi_thread *t, uint32_t id, uint32_t ifindex, const struct service *s, const char *picture,
	size_t n)
{
	struct command c = {.kind = DO_PUBLISH, .id = id, .ifindex = ifindex, .service = service_copy(s), .n = n};

	c.picture = picture ? xmemdup(picture, n) : NULL;
	send_command(t, c);
}

void avahi_withdraw(struct avahi_thread *t, uint32_t id)
{
	send_command(t, (struct command){.kind = DO_WITHDRAW, .id = id});
}
