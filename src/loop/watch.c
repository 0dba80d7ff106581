/* What the operating system reports: descriptors and signals. */
#include "base/err.h"
#include "base/mem.h"
#include "loop/priv.h"

_Static_assert(WATCH_READ == (int)UV_READABLE && WATCH_WRITE == (int)UV_WRITABLE, "the library's bits are ours");

struct watch {
	uv_poll_t uv;
	struct loop *loop;
	int events;
	void (*on_ready)(void *arg, int events);
	void *arg;
};

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;
	loop_ran(w->loop);
	/* The library stops a handle whose descriptor has an error to tell; the owner learns it from the
	 * next call on the descriptor, and until then it stays ready. */
	if (status < 0) {
		uv_poll_start(&w->uv, w->events, on_poll);
		events = w->events;
	}
	events &= w->events;
	if (events)
		w->on_ready(w->arg, events);
}

struct watch *watch_new(struct loop *l, int fd, void (*on_ready)(void *arg, int events), void *arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	must(uv_poll_init(&l->uv, &w->uv, fd) == 0);
	w->uv.data = w;
	w->loop = l;
	w->on_ready = on_ready;
	w->arg = arg;
	return w;
}

void watch_set(struct watch *w, int events)
{
	if (w->events == events)
		return;
	w->events = events;
	if (events)
		must(uv_poll_start(&w->uv, events, on_poll) == 0);
	else
		uv_poll_stop(&w->uv);
}

static void on_closed(uv_handle_t *h) { xfree(h->data); }

void watch_free(struct watch **w)
{
	struct watch *o = TAKE(*w);
	if (!o)
		return;
	o->events = 0;
	uv_close((uv_handle_t *)&o->uv, on_closed);
}

static void on_uv_signal(uv_signal_t *h, int signum)
{
	struct loop_signal *s = CONTAINER_OF(h, struct loop_signal, uv);
	loop_ran(h->data);
	if (s->on_signal)
		s->on_signal(s->arg, signum);
}

static struct loop_signal *find_signal(struct loop *l, int signum)
{
	for (size_t i = 0; i < ARRAY_LEN(l->signals); i++)
		if (l->signals[i].signum == signum)
			return &l->signals[i];
	return NULL;
}

/* A handle is initialised once and then kept for this signal, so that none is reused while closing. */
static int start_signal(struct loop *l, int signum, struct loop_signal **ret)
{
	struct loop_signal *s = find_signal(l, signum);
	bool fresh = !s;
	if (fresh && !(s = find_signal(l, 0)))
		return ERR_LIMIT;
	if (!s->uv.data)
		must(uv_signal_init(&l->uv, &s->uv) == 0);
	s->uv.data = l;
	if (uv_signal_start(&s->uv, on_uv_signal, signum) != 0)
		return ERR_INVALID;
	s->signum = signum;
	*ret = s;
	return 0;
}

int loop_on_signal(struct loop *l, int signum, void (*on_signal)(void *arg, int signum), void *arg)
{
	if (signum <= 0)
		return ERR_INVALID;
	struct loop_signal *s = find_signal(l, signum);
	if (!on_signal) {
		if (s) {
			uv_signal_stop(&s->uv);
			s->on_signal = NULL;
		}
		return 0;
	}
	if (s && s->on_signal)
		return ERR_EXISTS;
	int err = start_signal(l, signum, &s);
	if (err)
		return err;
	s->on_signal = on_signal;
	s->arg = arg;
	return 0;
}

void loop_close_signals(struct loop *l)
{
	for (size_t i = 0; i < ARRAY_LEN(l->signals); i++)
		if (l->signals[i].uv.data)
			uv_close((uv_handle_t *)&l->signals[i].uv, NULL);
}
