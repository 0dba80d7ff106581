/* The control socket: one request a connection. A request is words, each ended by a NUL, and a NUL after the last; a word without
 * letters is the byte 1 alone (an empty one would be that end);
 * the answer is '+' or '-' (failed) and text up to the end. Only the owner's processes reach it (mode 0600 in a
 * 0700 folder). */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include "link/tcp.h"

enum { CONTROL_REQUEST_MAX = 64 * 1024, CONTROL_ANSWER_MAX = 16 << 20, CONTROL_WORDS_MAX = 64, CONTROL_MAX = 64 };

struct control;

/* A request came: takes the words (owned array of owned texts). Answer once with control_answer(asker). */
typedef void control_fn(void *arg, uint64_t asker, char **words, uint32_t n);

/* ERR_BUSY: another server lives at this path. */
int control_new(struct loop *l, const char *path, control_fn *on_request, void *arg, struct control **ret);
void control_free(struct control **c);
/* To an asker that has gone: nothing. */
void control_answer(struct control *c, uint64_t asker, const char *text, bool failed);

/* The forms of both, for who asks: a request, appended; an answer's text (ERR_INVALID: a failure; ERR_IO: it is no answer). */
void control_put_request(struct buf *out, const char *const *words, uint32_t n);
int control_read_answer(struct str answer, struct str *ret_text);

/* The other side, blocking: sends words, appends the answer's text to out. ERR_NOTFOUND: nobody listens there;
 * ERR_INVALID: answered with failure (text says why); ERR_IO. */
int control_call(const char *path, const char *const *words, uint32_t n, struct buf *out);

/* The same on a loop, without waiting: on_answer comes once, never within this call, with what control_call() would have
 * returned (ERR_IO: it cannot be reached, or ended meanwhile) and the text; then the question is no more. */
struct question;
typedef void question_fn(void *arg, int err, struct str text);
struct question *question_new(struct loop *l, const char *path, const char *const *words, uint32_t n,
	question_fn *on_answer, void *arg);
void question_free(struct question **q); /* the answer is not wanted any more */

#endif
