/* A question to a control socket that is answered later: its asker has other things to do. */
#include "admin/control.h"
#include "base/err.h"
#include "base/mem.h"

struct question {
	struct loop *loop;
	struct link *link; /* NULL: it could not be asked */
	struct buf out, in;
	int err;
	struct defer end;
	question_fn *on_answer;
	void *arg;
};

static void wipe(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->n);
	buf_clear(b);
}

void question_free(struct question **question)
{
	struct question *q = TAKE(*question);

	if (!q)
		return;
	loop_undefer(&q->end);
	link_free(&q->link);
	wipe(&q->out);
	wipe(&q->in);
	xfree(q);
}

static void on_end(struct defer *d)
{
	struct question *q = CONTAINER_OF(d, struct question, end);
	struct str text = STR("");
	int err = q->err ? q->err : control_read_answer(buf_view(&q->in), &text);

	q->on_answer(q->arg, err, text);
	question_free(&q);
}

static void end(struct question *q, int err)
{
	q->err = err;
	if (q->link)
		link_watch(q->link, 0, NULL, NULL);
	loop_defer(q->loop, &q->end);
}

/* True: all is said. */
static bool ask(struct question *q)
{
	while (q->out.n) {
		int n = link_send(q->link, q->out.p, q->out.n);

		if (n == ERR_AGAIN)
			return false;
		if (n <= 0) {
			end(q, ERR_IO);
			return false;
		}
		buf_eat(&q->out, (size_t)n);
	}
	return true;
}

static void listen(struct question *q)
{
	char chunk[4096];
	int n;

	while ((n = link_recv(q->link, chunk, sizeof(chunk))) > 0)
		buf_add(&q->in, chunk, (size_t)n);
	mem_wipe(chunk, sizeof(chunk));
	if (!buf_ok(&q->in))
		end(q, ERR_LIMIT);
	else if (n == ERR_CLOSED)
		end(q, 0);
	else if (n != ERR_AGAIN)
		end(q, ERR_IO);
}

static void on_ready(void *arg, int events)
{
	struct question *q = arg;

	(void)events;
	if (!ask(q))
		return;
	link_watch(q->link, WATCH_READ, on_ready, q);
	listen(q);
}

static int dial(struct question *q, const char *path)
{
	CLEANUP(buf_clear) struct buf address = {.max = 4096};

	buf_fmt(&address, "unix:%s", path);
	return buf_ok(&address) ? tcp_dial(q->loop, buf_view(&address), &q->link) : ERR_LIMIT;
}

struct question *question_new(struct loop *l, const char *path, const char *const *words, uint32_t n,
	question_fn *on_answer, void *arg)
{
	struct question *q = xcalloc(1, sizeof(*q));
	int err;

	q->loop = l;
	q->on_answer = on_answer;
	q->arg = arg;
	q->end.run = on_end;
	buf_init(&q->out, CONTROL_REQUEST_MAX);
	buf_init(&q->in, CONTROL_ANSWER_MAX);
	control_put_request(&q->out, words, n);
	err = buf_ok(&q->out) ? dial(q, path) : ERR_LIMIT;
	if (err)
		end(q, err);
	else
		link_watch(q->link, WATCH_WRITE, on_ready, q);
	return q;
}
