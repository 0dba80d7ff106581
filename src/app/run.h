/* A server or a node as a process: signals, descriptors, readiness, until it is told to end. */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "app/server.h"

/* Says on standard output what people need to know, once everything is open. */
typedef void run_greeting(const struct server *s, const struct config *c);

/* Returns the exit status. */
int run_server(const struct config *c, run_greeting *greet);

#endif
