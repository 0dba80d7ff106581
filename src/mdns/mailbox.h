/* Between two threads: things in order, with a descriptor that is readable when there are any; and a flag. */
#ifndef MDNS_MAILBOX_H
#define MDNS_MAILBOX_H

#include <pthread.h>

#include "base/list.h"

struct mailbox {
	pthread_mutex_t lock;
	struct list things; /* under lock */
	unsigned n;         /* under lock */
	int fd;             /* for whoever takes things out: watch it, and call mailbox_read() when it is readable */
};

bool mailbox_init(struct mailbox *m);  /* false: no descriptor left; clear it all the same */
void mailbox_clear(struct mailbox *m); /* it must be empty */
void mailbox_put(struct mailbox *m, struct list *thing);
struct list *mailbox_take(struct mailbox *m); /* NULL when there is nothing */
unsigned mailbox_count(struct mailbox *m);
void mailbox_read(struct mailbox *m);

struct flag {
	pthread_mutex_t lock;
	bool on; /* under lock */
};

void flag_init(struct flag *f);
void flag_clear(struct flag *f);
void flag_set(struct flag *f, bool on);
bool flag_get(struct flag *f);

#endif
