/* The helper pool is the library's: threads start with the first job. With a virtual clock there are none: the work
 * is done at once, and its end is told in the next turn, so that everything follows from the order of calls. */
#include "base/mem.h"
#include "loop/priv.h"

struct inline_job {
	struct defer defer;
	struct helper_job *job;
};

static void on_inline_done(struct defer *d)
{
	struct inline_job *i = CONTAINER_OF(d, struct inline_job, defer);
	struct helper_job *j = i->job;
	j->loop->helpers--;
	j->handle = NULL;
	xfree(i);
	j->done(j);
}

static void run_inline(struct loop *l, struct helper_job *j)
{
	struct inline_job *i = xcalloc(1, sizeof(*i));
	i->defer.run = on_inline_done;
	i->job = j;
	j->handle = i;
	j->work(j);
	loop_next(l, &i->defer);
}

static void on_work(uv_work_t *w)
{
	struct helper_job *j = w->data;
	j->work(j);
}

static void on_done(uv_work_t *w, int status)
{
	struct helper_job *j = w->data;
	must(status == 0);
	loop_ran(j->loop);
	j->loop->helpers--;
	j->handle = NULL;
	xfree(w);
	j->done(j);
}

void helper_run(struct loop *l, struct helper_job *j)
{
	j->loop = l;
	l->helpers++;
	if (l->is_virtual) {
		run_inline(l, j);
		return;
	}
	uv_work_t *w = xcalloc(1, sizeof(*w));
	w->data = j;
	j->handle = w;
	must(uv_queue_work(&l->uv, w, on_work, on_done) == 0);
}

unsigned helper_pending(const struct loop *l) { return l->helpers; }
