/* For benches of rooms: many clients of one server that read all at once, as fast as they can. What the blocking clients of
 * load.h cannot do: time a message at each of a thousand receivers, or read while others are still being told something. */
#ifndef TESTS_CROWD_H
#define TESTS_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/load.h"

/* A message that is counted and timed has a body that begins with this and the time, 20 digits of nanoseconds. */
#define CROWD_MARK "~at="
enum { CROWD_MARK_LEN = 24 };

struct crowd;

/* Takes the clients as they are: logged in, with nothing unread that matters. They stay the caller's, and are his again when
 * the crowd has ended. */
struct crowd *crowd_new(struct load_client **clients, unsigned n);
void crowd_free(struct crowd **crowd);

/* Reads what comes to anybody, and waits up to wait_ms for something. False: nothing came. */
bool crowd_read(struct crowd *c, int wait_ms);
/* Reads until so many marked messages, over all clients, have come in all, or so many bytes (0: not looked at). Ends the
 * program when nothing comes for a minute. */
void crowd_wait(struct crowd *c, uint64_t messages, uint64_t bytes);

/* Sends without waiting for the reader: what does not fit is kept and sent on by crowd_read(). */
void crowd_send(struct crowd *c, unsigned from, const char *bytes, size_t n);
/* Writes the mark of now, CROWD_MARK_LEN bytes and a zero. */
void crowd_mark(char *out);

uint64_t crowd_messages(const struct crowd *c); /* marked ones that came, over all clients */
uint64_t crowd_bytes(const struct crowd *c);
/* Of one member: bytes, and how often something came; who reads after each thing that happens counts the server's writes. */
uint64_t crowd_bytes_of(const struct crowd *c, unsigned member, unsigned *ret_times);
/* Of marked messages since the last call of crowd_forget(): the time that this share (0..1) of them needed at most, in ns. */
int64_t crowd_latency(struct crowd *c, double share);
/* At members from..to-1 only. */
int64_t crowd_latency_of(struct crowd *c, unsigned from, unsigned to, double share);
void crowd_forget(struct crowd *c);
/* Counts this text instead, 32 bytes at most, which has no time. */
void crowd_count(struct crowd *c, const char *text);
/* How many clients have seen this text, 32 bytes at most, since they were asked to look for it. NULL: look for nothing. */
void crowd_look_for(struct crowd *c, const char *text);
unsigned crowd_seen(const struct crowd *c);

#endif
