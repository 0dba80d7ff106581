/* The servers that we compare ourselves with, as Debian packages them, with data and configuration of their own in a scratch
 * folder: plain TCP on loopback, limits off, what is not measured switched off. */
#ifndef TESTS_LOAD_FOREIGN_H
#define TESTS_LOAD_FOREIGN_H

#include "tests/lib/load.h"

/* Both have accounts u0..u(n-1)@localhost with the password "secret", and rooms at rooms.localhost, with an archive of the rooms
 * (XEP-0313) or without. False: it is not installed. load_stop() ends them. */
bool load_start_prosody(struct load_server *s, unsigned accounts, bool archive);
bool load_start_ejabberd(struct load_server *s, unsigned accounts, bool archive);

#endif
