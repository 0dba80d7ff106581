/* The table of what is spoken: each folder exports an array of these rows, app/features.c composes them, the core
 * dispatches IQs by them, disco and docs/PROTOCOL.md are made from them. */
#ifndef CORE_FEATURE_H
#define CORE_FEATURE_H

#include "core/session.h"

/* Whom a row serves; also "addressed to". */
enum { AT_SERVER = 1, AT_ACCOUNT = 2, AT_ROOMS = 4, AT_ROOM = 8 };

/* A request under way. Fill reply with the payload of the result (may stay empty). */
struct iq {
	struct core *core;
	struct entity *entity; /* whom it is addressed to: host, account, room */
	const struct stanza *stanza;
	uint32_t query;          /* node of the first child element */
	struct session *session; /* the local session it came from, NULL if none */
	struct buf reply;
	uint64_t commit;       /* the result waits for it; set from core_commit() after the handler if it wrote */
	struct stanza *later;  /* set by iq_defer() */
	struct stanza **owned; /* private to iq.c */
};

/* XERR_OK: reply is the result (unless deferred). */
typedef struct xerr iq_handler(struct iq *iq);

struct feature {
	const char *name;      /* what it is: "Message Archive"; NULL ends the array */
	const char *spec;      /* "XEP-0199", "RFC 6121 2" */
	const char *version;   /* of the specification followed; NULL for an RFC */
	const char *ns;        /* namespace of the IQ payload, or NULL */
	const char *element;   /* its element, "query" */
	unsigned at;           /* AT_ bits: where the handlers serve */
	iq_handler *get, *set; /* NULL: feature-not-implemented for get/set alone, service-unavailable for both */
	const char *disco;     /* feature var to advertise, NULL: none (often == ns) */
	unsigned disco_at;     /* AT_ bits of the entities whose disco#info has it */
	bool (*on)(const struct entity *e); /* NULL: always; false: neither served nor advertised there */
	const char *script; /* tests/script/NAME.xt that proves it, NULL: in another test named in PROTOCOL.md */
	const char *note;   /* for docs/PROTOCOL.md, or NULL */
};

/* Dispatches a get or set addressed to e (AT_ one bit) by the tables, answers, and disposes of *s. Results and errors
 * addressed to e are just done with. */
void iq_dispatch(struct entity *e, unsigned at, struct stanza **s);
/* Inside a handler: keep the request, to be answered in a later turn by iq_answer() or core_bounce(). */
struct stanza *iq_defer(struct iq *iq);
void iq_answer(struct core *c, struct stanza **request, struct str payload, uint64_t commit);
/* Writes <feature var='..'/> for everything advertised at this entity (AT_ one bit). */
void feature_disco(const struct entity *e, unsigned at, struct buf *out);

#endif
