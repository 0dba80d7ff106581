/* How messages travel: one queue a direction, one sender thread, one receiver loop. The same queue serves
 * with no threads at all: then both ends run on one loop and mail is taken in its next turn, never by
 * a direct call. */
#ifndef GATE_QUEUE_H
#define GATE_QUEUE_H

#include "gate/msg.h"
#include "loop/loop.h"

struct queue;

/* Messages for `receiver`'s loop, which is woken when the queue was empty. NULL: whoever takes them looks by himself at the
 * end of each turn (both ends on one loop). */
struct queue *queue_new(struct loop *receiver);
void queue_free(struct queue **q); /* clears what is left */
/* Appends all of *batch, which is empty afterwards. Sender's thread. */
void queue_put(struct queue *q, struct msgs *batch);
/* Takes everything at once into *ret (empty before). False if there was nothing. Receiver's thread. */
bool queue_take(struct queue *q, struct msgs *ret);

#endif
