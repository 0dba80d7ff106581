#include "mdns/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

bool mailbox_init(struct mailbox *m)
{
	must(pthread_mutex_init(&m->lock, NULL) == 0);
	list_init(&m->things);
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return m->fd >= 0;
}

void mailbox_put(struct mailbox *m, struct list *thing)
{
	uint64_t one = 1;

	pthread_mutex_lock(&m->lock);
	list_append(&m->things, thing);
	m->n++;
	pthread_mutex_unlock(&m->lock);
	while (write(m->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

struct list *mailbox_take(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	struct list *thing = list_take(&m->things);
	m->n -= thing != NULL;
	pthread_mutex_unlock(&m->lock);
	return thing;
}

unsigned mailbox_count(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	unsigned n = m->n;
	pthread_mutex_unlock(&m->lock);
	return n;
}

void mailbox_read(struct mailbox *m)
{
	uint64_t count;

	while (read(m->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

void mailbox_clear(struct mailbox *m)
{
	if (m->fd >= 0)
		close(m->fd);
	pthread_mutex_destroy(&m->lock);
}

void flag_init(struct flag *f)
{
	f->on = false;
	must(pthread_mutex_init(&f->lock, NULL) == 0);
}

void flag_clear(struct flag *f) { pthread_mutex_destroy(&f->lock); }

void flag_set(struct flag *f, bool on)
{
	pthread_mutex_lock(&f->lock);
	f->on = on;
	pthread_mutex_unlock(&f->lock);
}

bool flag_get(struct flag *f)
{
	pthread_mutex_lock(&f->lock);
	bool on = f->on;
	pthread_mutex_unlock(&f->lock);
	return on;
}
