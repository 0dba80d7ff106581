#include "app/served.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config_rooms.h"
#include "base/log.h"
#include "base/mem.h"
#include "xmpp/jid.h"

enum { LIST_BYTES = 2 * CONFIG_LIST_MAX * (JID_PART_MAX + 1) };

static void path_of(const char *data, const char *ending, char *ret, size_t n)
{
	snprintf(ret, n, "%s/served%s", data, ending);
}

/* ---- writing ---- */

/* Whole or not at all: half a name would be another one's. */
static bool replace(const char *data, struct str text)
{
	char path[4096], half[4096];
	int fd;
	bool written;

	path_of(data, "", path, sizeof(path));
	path_of(data, ".new", half, sizeof(half));
	fd = open(half, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	written = write(fd, text.p, text.n) == (ssize_t)text.n;
	written = close(fd) == 0 && written;
	return written && rename(half, path) == 0;
}

void served_note(const struct config *c)
{
	CLEANUP(buf_clear) struct buf text = {.max = LIST_BYTES};

	for (unsigned i = 0; i < c->domains.n; i++) {
		struct service_name service;

		buf_z(&text, c->domains.item[i]);
		config_rooms_service(c, i, &service);
		if (strncmp(service.text, "rooms.", 6) != 0 || strcmp(service.text + 6, c->domains.item[i]) != 0)
			buf_fmt(&text, " %s", service.text);
		buf_char(&text, '\n');
	}
	if (!replace(c->data, buf_view(&text)))
		log_warn("served", "folder=%s error=\"%s\"", c->data, strerror(errno));
}

/* ---- reading ---- */

/* The folder's owner may have put anything there: a link, a pipe that nobody writes to, a file without end. */
static bool read_list(const char *data, struct buf *ret)
{
	char path[4096], bytes[4096];
	struct stat st;
	ssize_t n;
	int fd;

	path_of(data, "", path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		while (buf_ok(ret) && (n = read(fd, bytes, sizeof(bytes))) > 0)
			buf_add(ret, bytes, (size_t)n);
	close(fd);
	return buf_ok(ret) && ret->n > 0;
}

bool served_known(const char *data)
{
	CLEANUP(buf_clear) struct buf text = {.max = LIST_BYTES};

	return read_list(data, &text);
}

static bool has_line(struct str text, struct str wanted)
{
	while (text.n) {
		struct str line = str_cut(&text, '\n');

		if (str_eq(str_cut(&line, ' '), wanted))
			return true;
	}
	return false;
}

static void put_names(struct str text, struct buf *out)
{
	for (const char *before = ""; text.n; before = ", ") {
		struct str line = str_cut(&text, '\n'), name = str_cut(&line, ' ');

		buf_fmt(out, "%s%.*s", name.n ? before : "", STR_FMT(name));
	}
}

/* What is no domain, or too much, is left out: anybody who owns the folder may have written it. */
static void fill_line(struct str line, struct config *c)
{
	struct str whole = line, name = str_cut(&line, ' ');
	CLEANUP(buf_clear) struct buf why = {.max = 4096}, host = {.max = 2 * JID_PART_MAX + 2};
	struct jid_buf jid;

	if (c->domains.n == CONFIG_LIST_MAX || jid_parse_buf(name, &jid) < 0 || jid.jid.local || jid.jid.resource)
		return;
	c->domains.item[c->domains.n++] = str_dup(jid_str(jid.jid));
	buf_str(&host, whole);
	if (line.n && buf_ok(&host) && c->rooms.hosts.n < CONFIG_LIST_MAX &&
		config_rooms_check_host(buf_cstr(&host), &why))
		c->rooms.hosts.item[c->rooms.hosts.n++] = str_dup(whole);
}

bool served_fill(const char *data, struct config *c)
{
	CLEANUP(buf_clear) struct buf text = {.max = LIST_BYTES};
	struct str rest;

	if (!read_list(data, &text))
		return false;
	for (rest = buf_view(&text); rest.n;)
		fill_line(str_cut(&rest, '\n'), c);
	return c->domains.n > 0;
}

bool served_takes(const char *data, const char *address, struct buf *why)
{
	CLEANUP(buf_clear) struct buf text = {.max = LIST_BYTES};
	struct jid_buf jid;

	if (jid_parse_buf(str_z(address), &jid) < 0 || !jid.jid.local || !read_list(data, &text) ||
		has_line(buf_view(&text), jid_domain(jid.jid)))
		return true;
	buf_fmt(why, "%s: the server of %s serves ", address, data);
	put_names(buf_view(&text), why);
	buf_fmt(why,
		" and would not find this account; if it is to serve %.*s, start it so first (`domain` in its configuration, or "
		"--domain)",
		STR_FMT(jid_domain(jid.jid)));
	return false;
}
