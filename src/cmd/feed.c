#include "cmd/feed.h"

#include <stdio.h>

#include "admin/control.h"
#include "base/err.h"
#include "base/mem.h"

enum { WORDS_MAX = 8 };

static void put_path(char path[4096], const char *data) { snprintf(path, 4096, "%s/control.sock", data); }

int feed_ask(const char *data, const char *question, const char *word, struct buf *out)
{
	const char *words[] = {"trace", question, word};
	char path[4096];

	put_path(path, data);
	return control_call(path, words, word ? 3 : 2, out);
}

int feed_begin(struct feed *f, const char *data, const char *const *wanted, struct buf *why)
{
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};
	const char *words[WORDS_MAX] = {"trace", "arm"};
	uint32_t n = 2;
	int err;

	*f = (struct feed){0};
	put_path(f->path, data);
	while (n < WORDS_MAX && *wanted)
		words[n++] = *wanted++;
	err = control_call(f->path, words, n, &answer);
	if (err == ERR_NOTFOUND)
		buf_fmt(why, "no node runs on %s; a chat starts one, or `wireside node`", data);
	else if (err)
		buf_fmt(why, "the node on %s tells nothing: %s", data, answer.n ? buf_cstr(&answer) : err_name(err));
	else
		snprintf(f->number, sizeof(f->number), "%.*s", STR_FMT(str_trim(buf_view(&answer))));
	return err;
}

static int call(struct feed *f, const char *word, struct buf *out)
{
	const char *words[] = {"trace", word, f->number};

	return feed_on(f) ? control_call(f->path, words, 3, out) : ERR_CLOSED;
}

int feed_take(struct feed *f, struct buf *out)
{
	int err = call(f, "take", out);

	if (err)
		f->number[0] = '\0';
	return err;
}

void feed_end(struct feed *f)
{
	CLEANUP(buf_clear) struct buf answer = {.max = 4096};

	call(f, "disarm", &answer);
	f->number[0] = '\0';
}
