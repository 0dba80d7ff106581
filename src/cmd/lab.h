/* The lab: some nodes, each on a host of its own in a box, with a person on each who says what stands in a script, while
 * their packets are captured. */
#ifndef CMD_LAB_H
#define CMD_LAB_H

#include "base/buf.h"

enum { LAB_PEERS_MAX = 8 };

/* What links are between the nodes. */
enum lab_kind {
	LAB_TLS,     /* as between nodes */
	LAB_PLAIN,   /* no encryption, as old programs */
	LAB_STARTTLS /* begins in clear, as programs of XEP-0174 that can encrypt */
};
extern const char *const lab_kinds[]; /* "tls" */

struct lab_options {
	unsigned peers; /* 2 to LAB_PEERS_MAX */
	unsigned loss;  /* of a hundred TCP segments */
	enum lab_kind kind;
	bool v6;          /* hosts have IPv6 alone, else IPv4 alone */
	unsigned port;    /* that nodes listen on; 0: as they do by themselves */
	const char *into; /* folder for what comes out */
	/* What people type and see, and what happens to the wire, as it happens; NULL: nobody wants to know. who: "alice", "wire",
	 * or "" above what follows. text is safe for a terminal. */
	void (*on_line)(void *arg, const char *who, const char *text);
	void *arg;
	const struct lab_script *script;
};

/* What the people say and do: docs/traces.md has the language. */
struct lab_script;
/* file: NULL: what they say when nobody tells them. ERR_ with a line in why. *ret_peers: as many hosts are needed. */
int lab_script_read(const char *file, struct lab_script **ret, unsigned *ret_peers, struct buf *why);
void lab_script_free(struct lab_script **s);

/* The name of the person with this number. */
const char *lab_user(unsigned i);

/* Runs it to its end; the files are in the folder then. ERR_ with a line in why; ERR_CLOSED: ended by a signal, and what was
 * captured until then is in the folder. done: what came out, for people. */
int lab_run(const struct lab_options *o, struct buf *done, struct buf *why);

#endif
