/* Discovery: who else on the wire speaks XEP-0174, and that we do. Everything goes by messages: MSG_PUBLISH and
 * MSG_ASK_PICTURE come in, MSG_FOUND, MSG_GONE, MSG_NAMED, MSG_PICTURE and MSG_NETWORK go out (gate/msg.h).
 *
 * One of three back ends does the work:
 *   avahi   the machine's avahi-daemon, through its client library (loaded when there is one: not linked)
 *   own     a responder of our own, which gets along with others on the same machine
 *   none    nothing is published, nobody is found
 * `auto` takes avahi, and falls back to own when there is no daemon or it goes away for good.
 *
 * What is found is hearsay. That a peer is gone is an event and no verdict: links live and die by themselves.
 *
 * One loop's thread; the avahi library has a thread of its own that nobody sees. */
#ifndef MDNS_DISCOVERY_H
#define MDNS_DISCOVERY_H

#include "gate/queue.h"

struct discovery;

enum discovery_kind { DISCOVERY_AUTO, DISCOVERY_AVAHI, DISCOVERY_OWN, DISCOVERY_NONE };

struct discovery_config {
	enum discovery_kind kind;
	const char *const *interfaces; /* names; none: all wired ones. At most 16 are used. */
	unsigned interface_count;
	bool loopback;    /* lo as well */
	bool after_crash; /* the last run did not end well: those who still have our old records are to see us come anew */
	const char *host; /* NULL: this machine's name, as the system has it */
	struct queue *to_core;
};

/* "auto", "avahi", "own", "none". ERR_SYNTAX. */
int discovery_kind_parse(const char *text, enum discovery_kind *ret);

struct discovery *discovery_new(struct loop *l, const struct discovery_config *config);
/* What the core says; takes the messages out, other kinds are dropped. */
void discovery_put(struct discovery *d, struct msgs *batch);
/* Says goodbye. Nothing is told after this. */
void discovery_stop(struct discovery *d);
void discovery_free(struct discovery **d);

/* Which back end is in use: "avahi", "avahi, not running", "own", "own, beside another responder", "none". */
const char *discovery_backend(const struct discovery *d);

#endif
