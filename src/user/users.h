/* A domain of accounts: the host that serves local@DOMAIN and the bare domain itself. */
#ifndef USER_USERS_H
#define USER_USERS_H

#include "core/command.h"
#include "core/entity.h"
#include "core/feature.h"

struct users_config {
	bool registration_open; /* XEP-0077 for strangers; changing and cancelling one's own is always possible */
	uint32_t offline_max;   /* messages kept for somebody who is away, 0: 100 */
	bool archive;           /* accounts have an archive (XEP-0313) */
	uint32_t archive_max;   /* messages in it, about; 0: 10000 */
	bool receipts;       /* accounts answer XEP-0184 requests of contacts themselves, once the message is stored */
	uint32_t roster_max; /* contacts, 0: 2000 */
	uint32_t sessions_max;     /* an account, 0: 20 */
	uint32_t idle_evict;       /* seconds after which an account without sessions leaves memory, 0: 60 */
	const char *const *admins; /* bare addresses, NULL at the end; may be NULL */
	/* At least 16 random bytes that stay the same over restarts: the made-up salts of accounts that do not exist
	 * follow from them, so that nobody finds out by asking again later. Absent: new ones for this process. */
	struct str secret;
	/* A node's: its one account, whose roster is given by users_feed() and not stored. NULL: rosters are the users' own. */
	const char *fed;
	/* A client of the fed account has named an entry of its roster, or removed one: whoever feeds it decides, and says what
	 * has become of it by users_feed() or users_unfeed(). ERR_NOTFOUND: there is no such entry; ERR_SYNTAX, ERR_EXISTS: not
	 * this name, why says why not. NULL: not possible. arg: presence_arg. */
	int (*on_rename)(void *arg, struct jid contact, struct str name, struct buf *why);
	int (*on_remove)(void *arg, struct jid contact);
	/* Called when what the account's sessions show together may have changed, or one that had lost its connection is back. */
	void (*on_presence)(void *arg, bool available, struct str show, struct str status);
	/* A headline of the domain itself for the fed account has come back from a session that has ended. NULL: forgotten.
	 * arg: presence_arg. */
	void (*on_unheard)(void *arg, const struct stanza *s);
	void *presence_arg;
	/* Called with the picture in the fed account's vCard, or nothing, at the start and when it is set; arg: presence_arg. */
	void (*on_picture)(void *arg, struct str bytes);
};

/* Makes the host and core_add_host()s it. The configuration is copied. */
struct host *users_new(struct core *c, const char *domain, const struct users_config *config);

/* The roster of a node's account: an entry there or changed, an entry away. Told to the clients that are there. */
void users_feed(struct host *h, struct jid contact, struct str name, struct str group);
void users_unfeed(struct host *h, struct jid contact);

extern const struct feature user_features[];
extern const struct command user_commands[];

#endif
