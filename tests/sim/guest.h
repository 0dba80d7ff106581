/* A client for tests that tell it every step: it keeps what it was sent, as text. For cmocka. */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/sim/client.h"

struct guest {
	struct client client;
	struct buf got;   /* the stanzas since guest_forget(), as received, a line each */
	uint32_t stanzas; /* of them */
	uint32_t sessions, resumed, downs, acked, unsure;
	enum client_end end; /* of the last connection */
};

void guest_init(struct guest *g, struct stage *s, const char *user, const char *resource);
void guest_clear(struct guest *g);

/* Logs in (or resumes); nothing more. */
void guest_login(struct guest *g);
/* And sends presence; what came of it is forgotten. */
void guest_online(struct guest *g);
/* A stanza; all that follows from it without time has happened. */
void guest_say(struct guest *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void guest_forget(struct guest *g);
bool guest_got(struct guest *g, const char *part);
unsigned guest_count(struct guest *g, const char *part);
/* It must have got that since the last time; then it is forgotten, with all before. */
void guest_expect(struct guest *g, const char *part);

/* Turns until a message of one has reached the other; both are served as fast as ever if it is always the same. */
unsigned guest_turns_to(struct guest *from, struct guest *to);

/* For main(): no log, a fixed seed. */
int guest_setup(void **state);

#endif
