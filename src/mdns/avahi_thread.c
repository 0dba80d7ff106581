#include "mdns/avahi_thread.h"

#include <poll.h>
#include <pthread.h>

#include "base/mem.h"
#include "mdns/avahi_i.h"

void command_free(struct command *c)
{
	service_free(&c->service);
	xfree(c->picture);
	xfree(c);
}

void event_free(struct event *e)
{
	xfree(e->e.rdata);
	xfree(e);
}

void send_command(struct avahi_thread *t, struct command c)
{
	struct command *copy = xmemdup(&c, sizeof(c));

	mailbox_put(&t->commands, &copy->node);
}

static void on_mail(void *arg, int events)
{
	struct avahi_thread *t = arg;

	mailbox_read(&t->events);
	t->giving = true;
	for (struct list *node; !t->over && (node = mailbox_take(&t->events));) {
		struct event *e = LIST_ITEM(node, struct event, node);
		t->on_event(t->arg, &e->e);
		event_free(e);
	}
	t->giving = false;
	if (t->over)
		avahi_thread_free(&t);
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
	t->command_watch = api->watch_new(api, t->commands.fd, POLLIN, avahi_on_command, t);
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
	flag_init(&t->busy);
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
	avahi_disconnect(t);
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
	flag_clear(&t->busy);
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
	if (t->giving) {
		t->over = true;
		return;
	}
	watch_free(&t->watch);
	if (!flag_get(&t->busy) || !end_elsewhere(t))
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
