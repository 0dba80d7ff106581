/* What the two sides of avahi's thread share; for avahi_thread.c (the loop's side) and avahi_do.c (the thread's). */
#ifndef MDNS_AVAHI_I_H
#define MDNS_AVAHI_I_H

#include "mdns/avahi_lib.h"
#include "mdns/avahi_thread.h"
#include "mdns/mailbox.h"

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
	char *bytes; /* of the picture */
	size_t n;
};

struct avahi_thread {
	const struct avahi_lib *lib;
	struct mailbox commands, events;
	/* the loop's */
	struct watch *watch;
	void (*on_event)(void *arg, const struct avahi_event *e);
	void *arg;
	bool giving, over; /* events are given out; it was freed meanwhile, and goes when they are */
	/* the thread's */
	struct avahi_threaded_poll *poll;
	struct avahi_watch *command_watch;
	struct avahi_client *client;
	struct list watched, groups;
	uint32_t generation; /* of client */
	bool overflowed;
	struct flag busy; /* in a command */
};

void command_free(struct command *c);
void event_free(struct event *e);
/* To the thread; from either. */
void send_command(struct avahi_thread *t, struct command c);

/* The thread's, or anybody's once it has ended. */
void avahi_on_command(struct avahi_watch *w, int fd, int events, void *arg);
void avahi_disconnect(struct avahi_thread *t);

#endif
