/* A capture file that grows: packets of a source, secrets in their places (hold.h). */
#ifndef TRACE_RECORDER_H
#define TRACE_RECORDER_H

#include "trace/hold.h"
#include "trace/source.h"

struct recorder;

/* What stands at the beginning of the file. */
struct recorder_head {
	struct str comment;                /* absent: none */
	struct str interface, description; /* of the only interface */
	const struct pcapng_name *names;
	size_t name_n;
	uint16_t link_type; /* 0: PCAPNG_ETHERNET */
	uint64_t most;      /* packets; what comes after is left out; 0: no end */
	bool secrets;       /* they will come: handshakes are held back until they are there */
	bool pcap;          /* the older kind of file: packets alone, nothing of all that else is here */
	/* Which packets are kept; NULL: all. */
	bool (*keep)(void *arg, const struct pcapng_packet *p);
	void *arg;
};

/* Makes the file (mode 0600; one that is there is replaced). ERR_IO: errno tells. */
int recorder_new(const char *path, const struct recorder_head *head, struct recorder **ret);
/* The same into a descriptor that is there: a pipe, standard output. Takes it, whatever happens. */
int recorder_on(int fd, const struct recorder_head *head, struct recorder **ret);
/* Ends the file; the last packets go without their secrets. ERR_IO: it is not whole. */
int recorder_free(struct recorder **r, uint64_t received, uint64_t dropped);
void recorder_key(struct recorder *r, struct str line);
/* One that comes from no source. */
void recorder_packet(struct recorder *r, const struct pcapng_packet *p, int64_t now);
/* More addresses have names, from here on in the file. */
void recorder_names(struct recorder *r, const struct pcapng_name *names, size_t n);
/* What has come in, and what may go, goes into the file. s: NULL: there is none. ERR_CLOSED: the source has ended; ERR_IO. */
int recorder_step(struct recorder *r, struct source *s, int64_t now);
/* What is held back goes, too, with its secrets or without. */
void recorder_end(struct recorder *r);
bool recorder_knows(const struct recorder *r, const struct frame *ends); /* as hold_knows() */
uint64_t recorder_packets(const struct recorder *r);
uint64_t recorder_sessions(const struct recorder *r);

/* A new file only its owner can read, instead of one that is there. -1: errno tells. */
int trace_file(const char *path);
int trace_write(int fd, struct str bytes);

#endif
