/* The connection of a chat client: to the socket of a node or server on this machine, or over the network to an account's
 * domain. Dials, secures, reconnects; what is said meanwhile waits in the client. */
#ifndef CMD_CHAT_H
#define CMD_CHAT_H

#include "client/client.h"
#include "loop/loop.h"

enum chat_reach {
	CHAT_UNIX,     /* address is a path; who we are is known there */
	CHAT_STARTTLS, /* address is ADDR:PORT */
	CHAT_TLS,      /* the same, TLS from the first byte */
	CHAT_DOMAIN    /* looked up (RFC 6120 section 3.2, XEP-0368) */
};

struct chat_target {
	enum chat_reach reach;
	const char *address; /* not with CHAT_DOMAIN */
	const char *domain;  /* of the account */
	/* Over the network: certificates that no authority vouches for are pinned in this file, "DOMAIN SHA256" a line. One
	 * that is not in it: */
	const char *pins;
	/* What the user has said that it is: no other one is taken, whoever vouches for it and whatever is pinned. NULL: nothing. */
	const char *fingerprint;
	bool (*trust)(void *arg, const char *domain, const char *sha256); /* asked once; true: pinned from now on */
	void *arg;
};

struct chat_ops {
	void (*on_trusted)(void *arg); /* the first time that the other end is who it should be */
	void (*on_turn)(void *arg);    /* something may have changed */
	/* It failed before there was a session ever, or for good. */
	void (*on_failed)(void *arg, struct str why, bool final);
	/* It had a session, and tries again now; may be NULL. */
	void (*on_retry)(void *arg);
	void *arg;
};

struct chat;
/* The texts of target live as long as the chat does. */
struct chat *chat_new(struct loop *l, const struct chat_target *target, struct client *c, const struct chat_ops *ops);
/* After chat_close(); false: work on another thread is not done, wait for the loop. */
bool chat_free(struct chat **k);
void chat_start(struct chat *k);
/* Does not wait for the next try. Nothing while there is a connection, or one is being made. */
void chat_retry(struct chat *k);
/* An orderly end; on_closed may come at once. */
void chat_close(struct chat *k, void (*on_closed)(void *arg));

/* ---- dns: chat_dns.c ---- */

enum { CHAT_PLACES_MAX = 16, CHAT_PLACE_TEXT = 160 };
struct chat_place {
	char address[CHAT_PLACE_TEXT]; /* ADDR:PORT */
	bool tls;                      /* from the first byte */
};
/* Blocks. Numeric addresses in the order to try them; 0 if there are none. */
unsigned chat_look_up(const char *domain, struct chat_place places[CHAT_PLACES_MAX]);

/* ---- pins: chat_pins.c ---- */

/* 0: it is this one; ERR_NOTFOUND: none known; ERR_INVALID: another one. old: another one of the domain, or "". */
int chat_pin_check(const char *path, const char *domain, const char *sha256, char old[65]);
/* Instead of all that were pinned for this domain: whoever has one of their keys is not believed any more. ERR_IO */
int chat_pin_put(const char *path, const char *domain, const char *sha256);
/* A fingerprint as people write it: capitals and colons do not matter. False: it is none. */
bool chat_pin_read(const char *text, char ret[65]);

#endif
