/* One client: a connection, what came on it and was not yet expected by the script, and how to log in. */
#ifndef SCRIPT_ACTOR_H
#define SCRIPT_ACTOR_H

#include "elem.h"
#include "world.h"
#include "xmpp/scram.h"

/* What everybody sent and got, oldest first. */
struct traffic_line {
	const struct script_actor *who;
	char *text;
};
struct traffic {
	struct traffic_line *lines;
	uint32_t n;
};
void traffic_add(struct traffic *t, const struct script_actor *who, const char *what, struct str text);
/* Forgets what this actor said and got since there were n lines; with `about` only lines that have this text. */
void traffic_forget(struct traffic *t, const struct script_actor *who, uint32_t n, const char *about);
void traffic_clear(struct traffic *t);

struct actor {
	const struct script_actor *role;
	struct world *world;
	struct traffic *traffic;
	struct link *link;  /* NULL: not connected */
	struct link *cable; /* lowest part of link, may be NULL */
	struct reader *reader;
	struct list inbox; /* struct item */
	struct buf out;
	bool ended;                 /* the server ended the connection, and the script did not say so yet */
	bool new_stream;            /* a new stream begins with what comes next */
	bool bound, counting;       /* a session; XEP-0198 is on */
	struct elem *features;      /* of the last stream */
	struct scram_client *scram; /* login under way */
};

void actor_init(struct actor *a, const struct script_actor *role, struct world *w, struct traffic *t);
void actor_clear(struct actor *a);
struct str actor_domain(const struct actor *a);

bool actor_connect(struct actor *a);              /* ends an earlier connection; forgets what came on it */
void actor_disconnect(struct actor *a, bool cut); /* cut: as if the cable were, else an orderly end of TCP */
void actor_start_tls(struct actor *a);
void actor_stall(struct actor *a, bool stalled);
void actor_send(struct actor *a, struct str bytes);
void actor_send_fmt(struct actor *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Waits. NULL: nothing came. The inbox still owns it. */
struct item *actor_next(struct actor *a);
struct item *actor_waiting(struct actor *a); /* without waiting */
/* The oldest one that came, now the caller's. */
struct item *actor_take(struct actor *a);
bool actor_wait_ended(struct actor *a);
void actor_forget(struct actor *a); /* all that came */

/* ---- login.c: true, or false with why ---- */

struct login_how {
	char mechanism[32]; /* "": the best of those offered */
	char user[256];     /* "": the actor's */
	char password[256]; /* "": the right one */
	char authzid[256];
};
bool login_read_how(struct str text, struct login_how *ret, struct buf *why);

/* Connects, does STARTTLS where the transport does, and leaves the actor with features that were not looked at. */
bool login_open(struct actor *a, struct buf *why);
bool login_starttls(struct actor *a, struct buf *why);
/* The exchange without its outcome, which is then the next to be expected. */
bool login_try(struct actor *a, const struct login_how *how, struct buf *why);
/* The exchange, its success, and the new stream's features. */
bool login_check_success(struct actor *a, const struct elem *success, struct buf *why);
bool login_authenticate(struct actor *a, const struct login_how *how, struct buf *why);
/* resource absent: that of the actor's address. */
bool login_bind(struct actor *a, struct str resource, struct buf *why);
bool login_all(struct actor *a, struct buf *why);

#endif
