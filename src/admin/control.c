#include "admin/control.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/table.h"

struct asker {
	struct control *control;
	uint64_t id;
	struct link *link;
	struct buf in, out;
	size_t sent;
	bool asked;
	struct timer timer; /* until the request is complete, and while the answer is taken */
	struct defer end;
};

struct control {
	struct loop *loop;
	struct listener *listener;
	struct table askers;
	control_fn *on_request;
	void *arg;
};

enum { PATIENCE_MS = 10000 };

static void asker_free(struct asker *a)
{
	timer_stop(loop_timers(a->control->loop), &a->timer);
	loop_undefer(&a->end);
	table_remove(&a->control->askers, a->id);
	link_free(&a->link);
	if (a->in.p)
		mem_wipe(a->in.p, a->in.n);
	if (a->out.p)
		mem_wipe(a->out.p, a->out.n);
	buf_clear(&a->in);
	buf_clear(&a->out);
	xfree(a);
}

static void on_end(struct defer *d) { asker_free(CONTAINER_OF(d, struct asker, end)); }

static void end(struct asker *a)
{
	link_watch(a->link, 0, NULL, NULL);
	loop_defer(a->control->loop, &a->end);
}

static void on_patience(struct timer *t) { end(CONTAINER_OF(t, struct asker, timer)); }

/* ---- the answer ---- */

static void on_ready(void *arg, int events);

static void write_out(struct asker *a)
{
	while (a->sent < a->out.n) {
		int n = link_send(a->link, a->out.p + a->sent, a->out.n - a->sent);

		if (n == ERR_AGAIN) {
			link_watch(a->link, WATCH_WRITE, on_ready, a);
			return;
		}
		if (n < 0)
			break;
		a->sent += (size_t)n;
	}
	link_shutdown(a->link);
	end(a);
}

void control_answer(struct control *c, uint64_t asker, const char *text, bool failed)
{
	struct asker *a = table_find(&c->askers, asker);

	if (!a)
		return;
	buf_char(&a->out, failed ? '-' : '+');
	buf_z(&a->out, text ? text : "");
	timer_start(loop_timers(c->loop), &a->timer, loop_now(c->loop) + PATIENCE_MS);
	write_out(a);
}

/* ---- the request ---- */

static const char empty_word[] = "\x01";

/* Number of words when the request is complete, 0 when more must come, -1 when it is none. */
static int count_words(const struct buf *in)
{
	int n = 0;
	size_t start = 0;

	for (size_t i = 0; i < in->n; i++) {
		if (in->p[i])
			continue;
		if (i == start)
			return n ? n : -1;
		if (++n > CONTROL_WORDS_MAX)
			return -1;
		start = i + 1;
	}
	return 0;
}

static void ask(struct asker *a, int n)
{
	char **words = xcalloc((size_t)n, sizeof(*words));
	const char *p = a->in.p;

	for (int i = 0; i < n; i++) {
		words[i] = xstrdup(strcmp(p, empty_word) == 0 ? "" : p);
		p += strlen(p) + 1;
	}
	a->asked = true;
	mem_wipe(a->in.p, a->in.n);
	buf_clear(&a->in);
	timer_stop(loop_timers(a->control->loop), &a->timer);
	link_watch(a->link, 0, NULL, NULL);
	a->control->on_request(a->control->arg, a->id, words, (uint32_t)n);
}

static void read_in(struct asker *a)
{
	char chunk[4096];
	int n, words;

	while ((n = link_recv(a->link, chunk, sizeof(chunk))) > 0)
		buf_add(&a->in, chunk, (size_t)n);
	mem_wipe(chunk, sizeof(chunk));
	words = count_words(&a->in);
	if (words > 0)
		ask(a, words);
	else if (n != ERR_AGAIN || words < 0 || !buf_ok(&a->in))
		end(a);
}

static void on_ready(void *arg, int events)
{
	struct asker *a = arg;

	(void)events;
	if (a->asked)
		write_out(a);
	else
		read_in(a);
}

static void on_accept(void *arg, int fd)
{
	struct control *c = arg;
	struct asker *a = xcalloc(1, sizeof(*a));

	a->control = c;
	a->link = tcp_link_new(c->loop, fd);
	buf_init(&a->in, CONTROL_REQUEST_MAX);
	buf_init(&a->out, (size_t)16 << 20);
	a->timer.fire = on_patience;
	a->end.run = on_end;
	a->id = table_add(&c->askers, a);
	if (!a->id) {
		asker_free(a);
		return;
	}
	timer_start(loop_timers(c->loop), &a->timer, loop_now(c->loop) + PATIENCE_MS);
	link_watch(a->link, WATCH_READ, on_ready, a);
}

int control_new(struct loop *l, const char *path, control_fn *on_request, void *arg, struct control **ret)
{
	struct control *c = xcalloc(1, sizeof(*c));
	int err;

	c->loop = l;
	c->on_request = on_request;
	c->arg = arg;
	table_init(&c->askers, CONTROL_MAX, 0);
	err = listener_unix(l, path, 0600, on_accept, c, &c->listener);
	if (err) {
		xfree(c);
		return err;
	}
	*ret = c;
	return 0;
}

void control_free(struct control **control)
{
	struct control *c = TAKE(*control);
	struct asker *a;

	if (!c)
		return;
	for (uint32_t pos = 0; (a = table_next(&c->askers, &pos));)
		asker_free(a);
	table_clear(&c->askers);
	listener_free(&c->listener);
	xfree(c);
}

/* ---- the caller ---- */

static int dial(const char *path, int *ret_fd)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(un.sun_path))
		return ERR_LIMIT;
	memcpy(un.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		int err = errno == ENOENT || errno == ECONNREFUSED ? ERR_NOTFOUND
			: errno == EACCES                          ? ERR_DENIED
								   : ERR_IO;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return ERR_IO;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int read_all(int fd, struct buf *out)
{
	char chunk[4096];
	ssize_t k;

	while ((k = recv(fd, chunk, sizeof(chunk), 0)) != 0) {
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return ERR_IO;
		buf_add(out, chunk, (size_t)k);
	}
	return buf_ok(out) ? 0 : ERR_LIMIT;
}

void control_put_request(struct buf *out, const char *const *words, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const char *word = *words[i] ? words[i] : empty_word;

		buf_add(out, word, strlen(word) + 1);
	}
	buf_char(out, '\0');
}

int control_read_answer(struct str answer, struct str *ret_text)
{
	if (!answer.n || (answer.p[0] != '+' && answer.p[0] != '-'))
		return ERR_IO;
	*ret_text = (struct str){answer.p + 1, answer.n - 1};
	return answer.p[0] == '+' ? 0 : ERR_INVALID;
}

int control_call(const char *path, const char *const *words, uint32_t n, struct buf *out)
{
	struct buf request, answer;
	struct str text = STR("");
	int fd, err = dial(path, &fd);

	if (err)
		return err;
	buf_init(&request, CONTROL_REQUEST_MAX);
	buf_init(&answer, CONTROL_ANSWER_MAX);
	control_put_request(&request, words, n);
	err = buf_ok(&request) ? send_all(fd, request.p, request.n) : ERR_LIMIT;
	if (!err)
		err = read_all(fd, &answer);
	if (!err)
		err = control_read_answer(buf_view(&answer), &text);
	buf_str(out, text);
	if (request.p)
		mem_wipe(request.p, request.n);
	if (answer.p)
		mem_wipe(answer.p, answer.n);
	buf_clear(&request);
	buf_clear(&answer);
	close(fd);
	return err;
}
