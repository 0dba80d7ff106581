/* Private to opening.c (the stream) and opening_sasl.c (who we are). */
#ifndef XMPP_OPENING_I_H
#define XMPP_OPENING_I_H

#include "base/err.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"
#include "xmpp/opening.h"

enum { OPENING_TEXT_MAX = 1024, OPENING_SASL_MAX = 8192 };

struct opening {
	enum opening_state state;
	enum opening_failure failure;
	char *domain, *user, *resource, *previd, *jid, *token, *text;
	char *password; /* until it is proven */
	uint32_t h;
	bool external, trusted, proven, has_h, counts, offers_sm;
	/* the exchange */
	struct scram_client *scram;
	bool scram_true;             /* the server's signature was right */
	struct buf challenge, reply; /* what opening_work() reads and makes */
	int worked;
	bool working;
};

void opening_enter(struct opening *o, enum opening_state next);
enum opening_action opening_fail(struct opening *o, enum opening_failure f, struct str text, struct buf *out);

/* Chooses a mechanism of the features' and writes <auth/>. */
enum opening_action opening_auth(struct opening *o, const struct xml_tree *t, uint32_t mechanisms,
	const struct stream_channel *ch, struct buf *out);
enum opening_action opening_on_sasl(struct opening *o, const struct xml_tree *t, struct buf *out);
void opening_forget(struct opening *o); /* all that was secret */

#endif
