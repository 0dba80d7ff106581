/* A list under a mutex, handed over whole: the receiver detaches everything at once and works on it
 * unlocked; only a sleeping receiver is woken. The two arrays change places, so in a steady state nothing
 * is allocated. */
#include "gate/queue.h"

#include <pthread.h>

#include "base/mem.h"

/* An array of more messages than this is not kept after the burst that made it. */
enum { KEEP = 16384 };

struct queue {
	pthread_mutex_t lock;
	struct loop *receiver;
	struct msgs waiting; /* under lock */
};

struct queue *queue_new(struct loop *receiver)
{
	struct queue *q = xcalloc(1, sizeof(*q));

	must(pthread_mutex_init(&q->lock, NULL) == 0);
	q->receiver = receiver;
	return q;
}

void queue_free(struct queue **queue)
{
	struct queue *q = TAKE(*queue);

	if (!q)
		return;
	msgs_clear(&q->waiting);
	pthread_mutex_destroy(&q->lock);
	xfree(q);
}

void queue_put(struct queue *q, struct msgs *batch)
{
	bool was_empty;

	if (!batch->n)
		return;
	pthread_mutex_lock(&q->lock);
	was_empty = q->waiting.n == 0;
	if (was_empty) {
		struct msgs empty = q->waiting;
		q->waiting = *batch;
		*batch = empty;
	} else {
		for (uint32_t i = 0; i < batch->n; i++)
			*msgs_add(&q->waiting) = batch->m[i];
		batch->n = 0;
	}
	pthread_mutex_unlock(&q->lock);
	if (was_empty && q->receiver)
		loop_wake(q->receiver);
}

bool queue_take(struct queue *q, struct msgs *ret)
{
	struct msgs mine = *ret;

	must(mine.n == 0);
	if (mine.cap > KEEP)
		msgs_clear(&mine);
	pthread_mutex_lock(&q->lock);
	*ret = q->waiting;
	q->waiting = mine;
	pthread_mutex_unlock(&q->lock);
	return ret->n > 0;
}
