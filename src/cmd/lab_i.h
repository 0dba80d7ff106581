/* Private to lab.c and lab_script.c. */
#ifndef CMD_LAB_I_H
#define CMD_LAB_I_H

#include "cmd/feed.h"
#include "cmd/lab.h"
#include "trace/box.h"
#include "trace/recorder.h"

struct lab_peer {
	const char *user;
	bool unplugged; /* its cable is out */
	struct box_host host;
	char *data; /* folder of its node */
	pid_t node, client;
	struct feed feed;
	int to_client, from_client; /* -1: not there */
	struct buf said;            /* what the client printed */
	size_t seen, shown;         /* of that, looked at; told to whoever watches */
};

struct lab {
	struct lab_options options;
	struct lab_peer peers[LAB_PEERS_MAX];
	unsigned n;
	char folder[64]; /* of all nodes' data */
	bool keep;       /* it tells why something failed */
	bool made;       /* the folder for what comes out was not there */
	struct source *source;
	struct recorder *recorder;
	struct buf transcript;
	unsigned stanzas, sent, received;
	bool lost; /* stanzas that a node had no room for */
	int64_t take_at;
};

/* Goes on until the text comes up on the person's screen. ERR_TIMEOUT, ERR_IO with a line in why. */
int lab_see(struct lab *l, struct lab_peer *p, const char *text, int64_t ms, struct buf *why);
int lab_say(const struct lab *l, struct lab_peer *p, struct str line);
/* For whoever watches. who: "wire", or "" for what stands above the rest. */
void lab_tell(const struct lab *l, const char *who, struct str text);
/* Time passes. */
int lab_wait(struct lab *l, int64_t ms, struct buf *why);
/* Its client and its node end in an orderly way, and begin again. */
int lab_restart(struct lab *l, struct lab_peer *p, struct buf *why);

/* lab_script.c: what the people do */
int lab_script_run(struct lab *l, const struct lab_script *s, struct buf *why);

#endif
