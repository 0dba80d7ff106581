/* The protocol of an archive (XEP-0313 v2, extended), whoever's it is: what a request asks for, and the answer made of rows of
 * the store. One page is one query; nothing is kept in between. Who may ask, whose messages `with` means, and how a stored
 * message is shown, are for the owner: an account (user/iq_archive.c) or a room (room/archive.c). */
#ifndef CORE_MAM_H
#define CORE_MAM_H

#include "core/feature.h"

enum { MAM_IDS_MAX = 100, MAM_ANCHORS = 3 };

/* What is asked for. All bounds are ids; the first two pairs are of the form, the last of the page. */
struct mam_page {
	int64_t from, to;      /* both included */
	int64_t after, before; /* neither is included */
	int64_t max;
	int64_t anchors[MAM_ANCHORS]; /* ids that must be there, no two the same */
	unsigned anchor_count;
	bool newest; /* the end of what there is, not its beginning */
	bool flip;
	char *with;        /* a canonical address; NULL: any */
	char *peer, *name; /* what the rows must have as peer and resource; NULL: any. The owner's, from `with` */
	bool senders;      /* of a room: the asker may know who spoke */
	bool open_senders; /* or who spoke while all could know it: then `peer` finds nothing else */
	struct buf ids;    /* a JSON array; empty: not by id */
	unsigned ids_count;
	int64_t ids_list[MAM_IDS_MAX];
};
void mam_page_clear(struct mam_page *p);

/* One stored message. sender: resource of the real address, of a room's messages only. */
struct mam_row {
	int64_t id;
	struct str stanza, peer, name, sender; /* name: not of rows from the store */
	bool open;                             /* of a room: the address could be seen by all then */
};

/* Whether the asker may know the address. */
static inline bool mam_names_sender(const struct mam_page *p, const struct mam_row *row)
{
	return p->senders || (p->open_senders && row->open);
}

/* Writes the stored message as the asker may see it; NULL: as it stands. */
typedef void mam_put(struct buf *out, const struct mam_row *row, const struct mam_page *page);

/* Reads the query of a request; the page is empty (nothing to clear) if it is refused. */
struct xerr mam_read(struct mam_page *ret, const struct xml_tree *t, uint32_t query);
/* Answers the request with that page in a later turn; takes what *page owns. */
void mam_ask(struct iq *iq, struct mam_page *page, mam_put *put);
/* The same where the messages are not in the store but here: rows in order of their ids, of which those are taken that the
 * page asks for. */
void mam_answer(struct iq *iq, struct mam_page *page, mam_put *put, const struct mam_row *rows, unsigned n);
/* The form, as the reply. */
void mam_form(struct iq *iq);
/* First and last message, in a later turn; or those that are known. */
void mam_metadata(struct iq *iq);
void mam_put_metadata(struct buf *out, int64_t first, int64_t last); /* last 0: none */

#endif
