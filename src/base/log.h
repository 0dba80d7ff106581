/* The log: one line an event, `time level event key=value ...`, to standard error. Message bodies
 * and secrets never go in. Control characters and line ends in values are escaped. Library folders
 * (base, xml, xmpp, link) do not log. Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level); /* default LOG_INFO */
bool log_on(enum log_level level);
/* Default: standard error. The line has no line end. NULL restores the default. */
void log_set_sink(void (*sink)(enum log_level level, const char *line));

void log_event(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_error(event, ...) log_event(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_event(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_event(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) (log_on(LOG_DEBUG) ? log_event(LOG_DEBUG, event, __VA_ARGS__) : (void)0)

#endif
