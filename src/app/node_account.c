/* The account of a node's user. It is there from the first start; nobody needs its password but clients on TCP, and those get
 * it once: when --c2s is used for the first time. That it was told is kept (never what it was), in c2s-told. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "app/node.h"
#include "app/server_i.h"

struct account {
	struct server *server;
	char jid[JID_MAX], password[27];
	bool changed; /* it was there before, and has got a new password */
};

static void told_path(const struct account *a, char path[4096])
{
	snprintf(path, 4096, "%s/c2s-told", a->server->config->data);
}

static bool was_told(const struct account *a)
{
	char path[4096], line[JID_MAX + 2] = "";
	FILE *f;

	told_path(a, path);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	/* He may have got another name meanwhile, and has the same password. */
	return str_eq(jid_domain(jid_view(str_z(line))), jid_domain(jid_view(str_z(a->jid))));
}

/* On standard output; to whoever started us with --ready-fd, there, since our output is nobody's then but a file's. */
static void tell(const struct account *a)
{
	char path[4096];
	int fd = a->server->config->ready_fd, file;

	if (fd >= 0) {
		dprintf(fd, "login %s %s\n", a->jid, a->password);
	} else {
		printf("For clients on TCP, said only now: %s, password %s\n", a->jid, a->password);
		fflush(stdout);
	}
	told_path(a, path);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0 || dprintf(file, "%s\n", a->jid) < 0)
		log_warn("c2s_told", "file=%s error=\"%m\"", path);
	if (file >= 0)
		close(file);
}

static void on_account(void *arg, const char *text, bool failed)
{
	struct account *a = arg;
	struct server *s = a->server;
	bool tcp = s->config->c2s.n > 0;

	(void)text;
	if (failed && !a->changed && tcp && s->node && !was_told(a)) {
		const char *words[] = {"user", "passwd", a->jid, a->password};

		a->changed = true;
		server_command(s, words, ARRAY_LEN(words), on_account, a);
		return;
	}
	if (!failed && tcp)
		tell(a);
	node_on_user(s);
	mem_wipe(a->password, sizeof(a->password));
	xfree(a);
}

void node_make_account(struct server *s)
{
	struct account *a = xcalloc(1, sizeof(*a));
	const char *words[] = {"user", "add", a->jid, a->password};

	a->server = s;
	rand_token(a->password, sizeof(a->password) - 1);
	snprintf(a->jid, sizeof(a->jid), "%s@%s", s->config->node->user, s->config->domains.item[0]);
	server_command(s, words, ARRAY_LEN(words), on_account, a);
}
