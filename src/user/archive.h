/* The archive of an account (XEP-0313): what was said to it and by it, in the store only, never in memory. An id is the
 * time in microseconds, or one more than the last: it grows, so it is both the order and the stamp.
 *
 * A message is stored in the batch of the turn that sends it on, and nothing that tells of it overtakes that batch: what
 * is acknowledged is in the archive. Only while the store fails, what is said between those who are there goes on without
 * (and without an id, so their clients know). Asking is iq_archive.c. */
#ifndef USER_ARCHIVE_H
#define USER_ARCHIVE_H

#include "user/account.h"

bool archive_on(const struct entity *e); /* accounts of this domain have one; of an account or a domain */
/* Worth keeping, and it can be kept: chat or normal, with something said in it that its sender did not forbid to keep.
 * peer: the other side. */
bool archive_wants(const struct account *a, const struct stanza *s, struct jid peer);
/* The packet that the account's clients get of a message with `to` as it is, without ids that others made up. What
 * is wanted is stored (open: as on its way to a session, transit.h), and has its id in it: *ret_stored, and core_commit() is what the packet must wait for. NULL if it
 * grew too big. */
struct packet *archive_take(struct account *a, const struct stanza *s, struct jid peer, bool open, bool *ret_stored);
int64_t archive_next_id(struct account *a); /* also for what is not kept */
/* True of a child that says, truly or not, under what id this account has it. */
bool archive_is_id(const struct account *a, const struct stanza *s, uint32_t child);
bool archive_has_id(const struct account *a, const struct stanza *s);

#endif
