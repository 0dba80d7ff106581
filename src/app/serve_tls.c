/* The certificate: made when there is none, read again when it changes. */
#include "app/server_i.h"

#include <stdio.h>
#include <sys/stat.h>

enum { WATCH_MS = 60000 };

static char *in_data(const struct server *s, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", s->config->data, name);
	return xstrdup(path);
}

static int64_t newest_change(const struct server *s)
{
	struct stat cert, key;
	int64_t a = 0, b = 0;

	if (stat(s->certificate, &cert) == 0)
		a = (int64_t)cert.st_mtim.tv_sec * 1000 + cert.st_mtim.tv_nsec / 1000000;
	if (stat(s->key, &key) == 0)
		b = (int64_t)key.st_mtim.tv_sec * 1000 + key.st_mtim.tv_nsec / 1000000;
	return a > b ? a : b;
}

static int make_own(struct server *s, struct buf *why)
{
	struct str names[CONFIG_LIST_MAX];
	int err;

	for (unsigned i = 0; i < s->config->domains.n; i++)
		names[i] = str_z(s->config->domains.item[i]);
	err = cert_make(s->certificate, s->key, names, s->config->domains.n);
	if (err == 0)
		log_info("certificate_made", "file=%s self_signed=yes", s->certificate);
	if (err && err != ERR_EXISTS) {
		buf_fmt(why, "%s: cannot make a certificate: %s", s->certificate, err_name(err));
		return err;
	}
	return 0;
}

/* Is the reason, "PATH: text", about this file? */
static bool is_about(const struct buf *reason, const char *path)
{
	size_t n = strlen(path);

	return str_starts(buf_view(reason), str_z(path)) && n < reason->n && reason->p[n] == ':';
}

/* A wire's connections and its TLS context belong to one thread: each wire has its own. */
static int make_contexts(struct server *s, struct buf *why)
{
	struct buf reason;
	int err = 0;

	buf_init(&reason, 4096);
	for (unsigned i = 0; !err && i < s->unit_count; i++)
		err = tls_server_new(s->certificate, s->key, &s->units[i].tls, &reason);
	if (err) {
		config_where(s->config, is_about(&reason, s->certificate) ? "certificate" : "key", 0, why);
		buf_z(why, buf_cstr(&reason));
	}
	buf_clear(&reason);
	return err;
}

int server_open_tls(struct server *s, struct buf *why)
{
	int err = 0;

	if (s->config->certificate) {
		s->certificate = xstrdup(s->config->certificate);
		s->key = xstrdup(s->config->key);
	} else {
		s->certificate = in_data(s, "cert.pem");
		s->key = in_data(s, "key.pem");
		err = make_own(s, why);
	}
	if (!err)
		err = make_contexts(s, why);
	s->certificate_changed = newest_change(s);
	return err;
}

bool server_reload(struct server *s, struct buf *why)
{
	struct tls_ctx *probe = NULL;

	s->certificate_changed = newest_change(s);
	if (tls_server_new(s->certificate, s->key, &probe, why) != 0)
		return false;
	tls_ctx_free(&probe);
	for (unsigned i = 0; i < s->unit_count; i++) {
		struct wire_unit *u = &s->units[i];

		if (u->threaded) {
			u->reload = true;
			loop_wake(u->loop);
		} else if (tls_ctx_reload(u->tls, s->certificate, s->key, why) != 0) {
			return false;
		}
	}
	log_info("certificate_reload", "file=%s", s->certificate);
	return true;
}

/* Programs that renew certificates often forget to tell: look once a minute. */
static void on_watch(struct timer *t)
{
	struct server *s = CONTAINER_OF(t, struct server, watch_timer);
	struct buf why;

	buf_init(&why, 1024);
	if (newest_change(s) != s->certificate_changed && !server_reload(s, &why))
		log_error("certificate_reload", "why=\"%s\" kept=old", buf_cstr(&why));
	buf_clear(&why);
	timer_start(loop_timers(s->loop), t, loop_now(s->loop) + WATCH_MS);
}

void server_watch_certificate(struct server *s)
{
	s->watch_timer.fire = on_watch;
	timer_start(loop_timers(s->loop), &s->watch_timer, loop_now(s->loop) + WATCH_MS);
}
