/* What a node believes, looked up in its index table. (A file of its own: src/peer and src/link have names in common.) */
#ifndef PEERS_INSIDE_H
#define PEERS_INSIDE_H

#include "base/buf.h"

struct core;

uint32_t inside_waiting(const struct core *c);                  /* messages in all outboxes */
bool inside_is_known(const struct core *c, const char *domain); /* there is a row */
bool inside_is_linked(const struct core *c, const char *domain);
bool inside_dialled(const struct core *c, const char *domain);            /* its link, by us */
const uint8_t *inside_exporter(const struct core *c, const char *domain); /* of its link; NULL: none */
const char *inside_trust(const struct core *c, const char *domain);       /* "pinned"; "none": no row */
bool inside_has_seen(const struct core *c, const char *domain, const char *id);
unsigned inside_dialling(const struct core *c, const char *domain); /* attempts under way */
uint64_t inside_handle(const struct core *c, const char *domain);   /* of its session; 0: none */
unsigned inside_sessions(const struct core *c, const char *domain); /* with it, in any state */
/* "10.0.0.2:5298 typed 10.0.0.3:5298 told", in order */
void inside_addresses(const struct core *c, const char *domain, struct buf *out);

#endif
