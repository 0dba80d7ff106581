#include "app/config_i.h"
#include "app/config_rooms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "link/tcp.h"
#include "xmpp/jid.h"

static bool check_domain(const char *value, struct buf *why);
static bool check_user(const char *value, struct buf *why);
static bool check_room(const char *value, struct buf *why);
static bool check_port(const char *value, struct buf *why);
static bool check_loopback(const char *value, struct buf *why);
static bool check_url(const char *value, struct buf *why);

/* clang-format off */
#define AT(field) offsetof(struct config, field)
enum { SERVE = CONFIG_SERVE, NODE = CONFIG_NODE, BOTH = CONFIG_SERVE | CONFIG_NODE };
const struct option config_options[] = {
	{"data", BOTH, TEXT, AT(data), "DIR", 0, 0, 0, "folder of the store, the certificate and the sockets", NULL},
	{"domain", SERVE, LIST, AT(domains), "NAME", 0, 0, 0, "a domain to serve (repeatable; default localhost)", check_domain},
	{"c2s", SERVE, LIST, AT(c2s), "ADDR:PORT", 0, 0, 0, "where clients connect (repeatable; default port 5222)", check_port},
	{"c2s", NODE, LIST, AT(c2s), "ADDR:PORT", 0, 0, 0, "let XMPP programs of this machine log in over TCP, too, with a password; loopback only (repeatable; off by default)",
	 check_loopback},
	{"c2s-tls", SERVE, LIST, AT(c2s_tls), "ADDR:PORT", 0, 0, 0, "the same with TLS from the first byte (default port 5223)",
	 check_port},
	{"certificate", SERVE, TEXT, AT(certificate), "FILE", 0, 0, 0, "certificate chain, PEM (default: a self-signed one is made)",
	 NULL},
	{"key", SERVE, TEXT, AT(key), "FILE", 0, 0, 0, "its private key, PEM", NULL},
	{"name", NODE, TEXT, AT(name), "USER@HOST", 0, 0, 0, "how others see you (default: login name and host name)", config_is_name},
	{"listen", NODE, LIST, AT(listen), "ADDR:PORT", 0, 0, 0, "where peers connect (repeatable; default port 5298 or the next free)",
	 check_port},
	{"interface", NODE, LIST, AT(interfaces), "NAME", 0, 0, 0, "network to look for peers on (repeatable; default: the wired ones)",
	 NULL},
	{"discovery", NODE, CHOICE, AT(discovery), "auto|avahi|own|none", 0, 0, 3, "who announces this node and finds others", NULL},
	{"plaintext", NODE, CHOICE, AT(plaintext), "ask|allow|never|only|starttls", 0, 0, 4, "talk to programs that cannot encrypt; only, starttls: be one that cannot, that can, for lessons", NULL},
	{"while-needed", NODE, SWITCH, AT(life.while_needed), NULL, 0, 0, 1, "end when no client is attached and nothing waits", NULL},
	{"idle-seconds", NODE, NUMBER, AT(life.idle_seconds), "N", 30, 1, 86400, "with --while-needed: how long nobody must need it", NULL},
	{"registration", SERVE, CHOICE, AT(registration), "closed|open", 0, 0, 1, "may strangers make accounts (XEP-0077)", NULL},
	{"admin", SERVE, LIST, AT(admins), "USER@DOMAIN", 0, 0, 0, "an administrator (repeatable)", check_user},
	{"allow-plaintext", SERVE, SWITCH, AT(allow_plaintext), NULL, 0, 0, 1, "let clients log in without TLS", NULL},
	{"limits", SERVE, CHOICE, AT(limits), "off|on", 1, 0, 1, "rate limits; off only for load tests", NULL},
	{"durability", BOTH, CHOICE, AT(relaxed), "turn|relaxed", 0, 0, 1, "commit every turn, or at most every 200 ms", NULL},
	{"wires", SERVE, NUMBER, AT(wires), "N", 0, 0, 8, "threads for connections; 0: one thread does all", NULL},
	{"stanza-max", SERVE, NUMBER, AT(stanza_max), "BYTES", 262144, 10000, 4194304, "largest stanza of a client", NULL},
	{"offline-max", SERVE, NUMBER, AT(offline_max), "N", 100, 1, 100000, "messages kept for somebody who is away", NULL},
	{"archive-max", BOTH, NUMBER, AT(archive_max), "N", 10000, 0, 1000000, "messages in the archive of an account; 0: no archive",
	 NULL},
	{"room-archive-max", BOTH, NUMBER, AT(room_archive_max), "N", 10000, 0, 1000000,
	 "messages in the archive of a persistent room; 0: no archive", NULL},
	{"room-archive-days", BOTH, NUMBER, AT(room_archive_days), "N", 0, 0, 36500, "how long they stay there; 0: as long as there is space",
	 NULL},
	{"room-history", BOTH, NUMBER, AT(room_history), "N", 20, 1, 500, "messages of a room shown to who enters", NULL},
	{"room-logs", BOTH, TEXT, AT(room_logs), "DIR", 0, 0, 0, "folder of the public logs of rooms (default: room-logs in the data folder)",
	 NULL},
	{"rooms-host", SERVE, LIST, AT(rooms.hosts), "NAME", 0, 0, 0,
	 "what the service of rooms is called; of one of several domains \"DOMAIN NAME\" (repeatable; default rooms.DOMAIN)", config_rooms_check_host},
	{"room-logs-url", SERVE, TEXT, AT(rooms.logs_url), "URL", 0, 0, 0, "where that folder is found on the web; rooms tell it", check_url},
	{"room-logs-days", BOTH, NUMBER, AT(rooms.logs_days), "N", 0, 0, 36500, "how long public logs are kept; 0: for ever", NULL},
	{"room-logging", SERVE, CHOICE, AT(rooms.logs_by_admins), "owners|admins", 0, 0, 1, "who may turn on public logs of a room", NULL},
	{"room-creation", SERVE, CHOICE, AT(rooms_by_admins), "anyone|admins", 0, 0, 1, "who may make rooms", NULL},
	{"room-public", SERVE, CHOICE, AT(rooms.public_by_admins), "owners|admins", 0, 0, 1, "who may make rooms public", NULL},
	{"room-persistent", SERVE, CHOICE, AT(rooms.persistent_by_admins), "owners|admins", 0, 0, 1, "who may make rooms persistent", NULL},
	{"room-nicknames", SERVE, CHOICE, AT(rooms.no_nicknames), "on|off", 0, 0, 1, "may users register a nickname for all rooms", NULL},
	{"rooms-per-user", SERVE, NUMBER, AT(rooms_per_user), "N", 0, 0, 10000, "rooms that one user may have; 0: any number", NULL},
	{"room-reserved", SERVE, LIST, AT(rooms.reserved), "NAME", 0, 0, 0, "a room that only administrators make (repeatable)",
	 check_room},
	{"room-default", BOTH, LIST, AT(rooms.defaults), "SETTING=VALUE", 0, 0, 0,
	 "what new rooms are, like moderatedroom=1 (repeatable; see `wireside room config`)", config_rooms_check_default},
	{"room-limit", SERVE, LIST, AT(rooms.limits), "LIMIT=N", 0, 0, 0,
	 "of a service: rooms, occupants of a room, per-user, per-day, archive, archive-days (repeatable)", config_rooms_check_limit},
	{"resume-seconds", BOTH, NUMBER, AT(resume_seconds), "N", 300, 1, 86400, "how long a client's broken session waits (XEP-0198)",
	 NULL},
	{"login-seconds", BOTH, NUMBER, AT(login_seconds), "N", 20, 1, 3600, "time to log in", NULL},
	{"stall-seconds", BOTH, NUMBER, AT(reader.stall_seconds), "N", 30, 1, 3600, "a reader without progress is closed after this",
	 NULL},
	{"held-max", BOTH, NUMBER, AT(reader.held_max), "N", 256, 0, 10000,
	 "presences held back for a client at which nobody looks (XEP-0352); 0: not offered", NULL},
	{"log", BOTH, CHOICE, AT(log_level), "error|warn|info|debug", LOG_INFO, 0, 3, "how much to log", NULL},
	{"ready-fd", BOTH, NUMBER, AT(ready_fd), "N", -1, -1, 1 << 20, "write the addresses in use to this descriptor when ready",
	 NULL},
};
/* clang-format on */
const size_t config_option_count = ARRAY_LEN(config_options);
_Static_assert(ARRAY_LEN(config_options) <= CONFIG_OPTION_MAX, "a row of lines for each option");

static void *field(struct config *c, const struct option *o) { return (char *)c + o->offset; }

/* ---- what a value must be ---- */

static int choice(const struct option *o, const char *value)
{
	struct str rest = str_z(o->value);

	for (int i = 0; rest.p; i++)
		if (str_is(str_cut(&rest, '|'), value))
			return i;
	return -1;
}

static bool number(const struct option *o, const char *value, int *ret)
{
	char *end = NULL;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (!*value || *end || errno || n < o->min || n > o->max)
		return false;
	*ret = (int)n;
	return true;
}

static bool check_domain(const char *value, struct buf *why)
{
	struct jid_buf jid;

	if (jid_parse_buf(str_z(value), &jid) == 0 && !jid.jid.local && !jid.jid.resource)
		return true;
	buf_z(why, "not a domain, like example.org");
	return false;
}

static bool check_user(const char *value, struct buf *why)
{
	struct jid_buf jid;

	if (jid_parse_buf(str_z(value), &jid) == 0 && jid.jid.local && !jid.jid.resource)
		return true;
	buf_z(why, "not an address of the form USER@DOMAIN");
	return false;
}

static bool check_room(const char *value, struct buf *why)
{
	CLEANUP(buf_clear) struct buf address = {.max = JID_MAX};
	struct jid_buf jid;

	buf_fmt(&address, "%s@x", value);
	if (buf_ok(&address) && jid_parse_buf(buf_view(&address), &jid) == 0)
		return true;
	buf_z(why, "not the name of a room, like lunch");
	return false;
}

/* It goes into answers to clients as it is. */
static bool check_url(const char *value, struct buf *why)
{
	struct str url = str_z(value);
	bool good = (str_starts(url, STR("https://")) && url.n > 8) || (str_starts(url, STR("http://")) && url.n > 7);

	for (size_t i = 0; i < url.n && good; i++)
		good = url.p[i] > ' ' && url.p[i] < 0x7f && !strchr("<>\"'#?", url.p[i]);
	if (!good)
		buf_z(why, "not the address of a folder on the web, like https://example.org/rooms/");
	return good;
}

bool config_no_port(const char *address, struct buf *why)
{
	const char *colon = strrchr(address, ':');
	uint64_t port;

	/* In an IPv6 address without a port no number is as large. */
	if (!colon || str_uint(str_z(colon + 1), 65535, &port) != ERR_LIMIT)
		return false;
	buf_fmt(why, "an address with port %s, and the last port is 65535", colon + 1);
	return true;
}

static bool check_port(const char *value, struct buf *why)
{
	if (listener_tcp_reads(str_z(value)))
		return true;
	if (!config_no_port(value, why))
		buf_z(why, "not ADDR:PORT with a numeric address, like 127.0.0.1:5222, [::1]:5222 or *:5222 (all)");
	return false;
}

/* A node has one account, that of whoever sits at this machine. */
static bool check_loopback(const char *value, struct buf *why)
{
	if (listener_tcp_is_loopback(str_z(value)))
		return true;
	buf_z(why,
		"not a loopback address, like 127.0.0.1:5222 or [::1]:5222; only programs of this machine log in to a node. "
		"For others run `wireside serve`");
	return false;
}

/* As on the network: a user, and what the machine is called. Old programs write names into XML as they are. */
bool config_is_name(const char *value, struct buf *why)
{
	const char *at = strchr(value, '@');
	CLEANUP(buf_clear) struct buf user = {.max = JID_PART_MAX};
	bool good = at && at[1] && strlen(value) <= 63 && !strpbrk(at, "&<>\"'");

	if (good && jid_prep_local((struct str){value, (size_t)(at - value)}, &user) == 0)
		return true;
	buf_z(why, "not of the form USER@HOST, at most 63 bytes, without & < > and quotation marks");
	return false;
}

bool config_is_valid(const struct option *o, const char *value, struct buf *why)
{
	size_t before = why->n;
	int n;

	if (o->kind == CHOICE && choice(o, value) < 0) {
		buf_fmt(why, "%s: '%s' is none of %s", o->name, value, o->value);
	} else if (o->kind == NUMBER && !number(o, value, &n)) {
		buf_fmt(why, "%s: '%s' is no number from %d to %d", o->name, value, o->min, o->max);
	} else if (o->kind == TEXT && !*value) {
		buf_fmt(why, "%s: is empty", o->name);
	} else if (o->check) {
		buf_fmt(why, "%s: '%s' is ", o->name, value);
		if (o->check(value, why))
			buf_cut(why, before);
	}
	return why->n == before;
}

/* ---- setting one value ---- */

/* What is one of two is a bool. */
static void set_number(struct config *c, const struct option *o, int n)
{
	if (o->kind == SWITCH || (o->kind == CHOICE && o->max == 1))
		*(bool *)field(c, o) = n != 0;
	else
		*(int *)field(c, o) = n;
}

/* Addresses are kept in their canonical form. */
static char *canonical(const struct option *o, const char *value)
{
	struct jid_buf jid;

	if (o->check != check_domain && o->check != check_user)
		return xstrdup(value);
	must(jid_parse_buf(str_z(value), &jid) == 0);
	return str_dup(jid_str(jid.jid));
}

static bool add_to_list(struct text_list *list, const struct option *o, const char *value, struct buf *why)
{
	if (list->n == CONFIG_LIST_MAX) {
		buf_fmt(why, "%s: more than %d values", o->name, CONFIG_LIST_MAX);
		return false;
	}
	list->item[list->n++] = canonical(o, value);
	return true;
}

bool config_set(struct config *c, const struct option *o, const char *value, struct buf *why)
{
	int n = 0;

	if (!config_is_valid(o, value, why))
		return false;
	switch (o->kind) {
	case TEXT:
		xfree(*(char **)field(c, o));
		*(char **)field(c, o) = xstrdup(value);
		break;
	case LIST:
		return add_to_list(field(c, o), o, value, why);
	case CHOICE:
		set_number(c, o, choice(o, value));
		break;
	case SWITCH:
		set_number(c, o, strcmp(value, "true") == 0);
		break;
	case NUMBER:
		number(o, value, &n);
		set_number(c, o, n);
		break;
	}
	return true;
}

static void clear_list(struct text_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		xfree(l->item[i]);
	l->n = 0;
}

void config_clear_domains(struct config *c)
{
	clear_list(&c->domains);
	clear_list(&c->rooms.hosts);
}

void config_clear(struct config *c)
{
	xfree(TAKE(c->file));
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++) {
		if (config_options[i].kind == TEXT)
			xfree(TAKE(*(char **)field(c, &config_options[i])));
		if (config_options[i].kind == LIST)
			clear_list(field(c, &config_options[i]));
	}
}

/* ---- the command line ---- */

const struct option *config_find(struct str name, unsigned use)
{
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++)
		if ((config_options[i].use & use) && str_is(name, config_options[i].name))
			return &config_options[i];
	return NULL;
}

void config_where(const struct config *c, const char *name, unsigned i, struct buf *why)
{
	const struct option *o = config_find(str_z(name), c->use);
	int line = c->line[o - config_options][i];

	if (line)
		buf_fmt(why, "%s:%d: ", c->file, line);
}

struct arg {
	const struct option *option; /* NULL: -c */
	const char *value;
};

static int needs_value(const char *flag, const char *value, struct buf *why)
{
	buf_fmt(why, "%s needs %s", flag, value);
	return ERR_INVALID;
}

/* Both --name VALUE and --name=VALUE. */
static int next_arg(unsigned use, int argc, char **argv, int *i, struct arg *ret, struct buf *why)
{
	const char *flag = argv[(*i)++], *equals = strchr(flag, '=');
	struct str name = {flag, equals ? (size_t)(equals - flag) : strlen(flag)};
	const struct option *o = NULL;

	if (str_starts(name, STR("--")))
		o = config_find((struct str){name.p + 2, name.n - 2}, use);
	if ((!o && strcmp(flag, "-c") != 0) || (o && o->kind == SWITCH && equals)) {
		buf_fmt(why, "'%s' is not understood; see --help", flag);
		return ERR_INVALID;
	}
	*ret = (struct arg){o, equals ? equals + 1 : "true"};
	if (equals || (o && o->kind == SWITCH))
		return 0;
	if (*i >= argc)
		return needs_value(flag, o ? o->value : "FILE", why);
	ret->value = argv[(*i)++];
	return 0;
}

int config_words(enum config_use use, const char *flag, const char *next, struct buf *why)
{
	char *words[] = {(char *)flag, (char *)next, NULL};
	struct str name = {flag, strcspn(flag, "=")};
	struct arg arg;
	int used = 0;

	if (!str_starts(name, STR("--")) || !config_find((struct str){name.p + 2, name.n - 2}, use))
		return 0;
	if (next_arg(use, next ? 2 : 1, words, &used, &arg, why) != 0 || !config_is_valid(arg.option, arg.value, why))
		return ERR_INVALID;
	return used;
}

static int find_file(struct config *c, int argc, char **argv, struct buf *why)
{
	struct arg arg;
	int err = 0;

	for (int i = 1; !err && i < argc;) {
		err = next_arg(c->use, argc, argv, &i, &arg, why);
		if (err || arg.option)
			continue;
		xfree(c->file);
		c->file = xstrdup(arg.value);
	}
	return err;
}

/* What shall hold at each start, also of a node that a chat starts. */
static void find_own_file(struct config *c, int argc, char **argv, struct buf *why)
{
	char *folder = config_default_data(c->use), path[4096];
	struct arg arg;

	for (int i = 1; i < argc && next_arg(c->use, argc, argv, &i, &arg, why) == 0;)
		if (arg.option && arg.option->offset == AT(data)) {
			xfree(folder);
			folder = xstrdup(arg.value);
		}
	snprintf(path, sizeof(path), "%s/node.conf", folder);
	if (access(path, F_OK) == 0)
		c->file = xstrdup(path);
	xfree(folder);
}

/* A list given on the command line replaces that of the file, not adds to it. */
static int read_flags(struct config *c, int argc, char **argv, struct buf *why)
{
	bool replaced[ARRAY_LEN(config_options)] = {false};
	struct arg arg;

	for (int i = 1; i < argc;) {
		int err = next_arg(c->use, argc, argv, &i, &arg, why);

		if (err)
			return err;
		if (!arg.option)
			continue;
		if (arg.option->kind == LIST && !replaced[arg.option - config_options])
			clear_list(field(c, arg.option));
		if (!replaced[arg.option - config_options])
			memset(c->line[arg.option - config_options], 0, sizeof(c->line[0]));
		replaced[arg.option - config_options] = true;
		if (!config_set(c, arg.option, arg.value, why))
			return ERR_INVALID;
	}
	return 0;
}

char *config_default_data(enum config_use use)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	const char *folder = use == CONFIG_SERVE ? "server" : "node";
	char *path = NULL, *own;
	int n;

	if (geteuid() == 0 && use == CONFIG_SERVE)
		n = asprintf(&path, "/var/lib/wireside");
	else if (data && *data == '/')
		n = asprintf(&path, "%s/wireside/%s", data, folder);
	else
		n = asprintf(&path, "%s/.local/share/wireside/%s", home ? home : ".", folder);
	must(n > 0);
	own = xstrdup(path);
	free(path);
	return own;
}

bool config_is_data(const char *path, struct buf *why)
{
	/* With the end, and the longest name of a socket in it. */
	enum { PATH_MOST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - sizeof("/control.sock") + 1 };
	struct stat st;
	bool there = stat(path, &st) == 0;

	if (strlen(path) > PATH_MOST)
		buf_fmt(why,
			"data: '%s' is too long: there are sockets in it, for which a folder's path may have %d bytes, and this one "
			"has %zu. Name a shorter one with --data",
			path, (int)PATH_MOST, strlen(path));
	else if (there ? !S_ISDIR(st.st_mode) : errno == ENOTDIR)
		buf_fmt(why, "data: '%s' is %s. Name a folder with --data; it is made if it is not there", path,
			there ? "a file" : "below a file");
	else
		return true;
	return false;
}

static char *usable_data(char *path)
{
	CLEANUP(buf_clear) struct buf why = {.max = 16384};

	if (config_is_data(path, &why))
		return path;
	fprintf(stderr, "wireside: %s\n", buf_cstr(&why));
	xfree(path);
	return NULL;
}

char *config_take_data(int *argc, char **argv, enum config_use use)
{
	for (int i = 1; i < *argc; i++) {
		bool joined = strncmp(argv[i], "--data=", 7) == 0;
		const char *value = joined ? argv[i] + 7 : argv[i + 1];
		int used = joined ? 1 : 2;

		if (!joined && strcmp(argv[i], "--data") != 0)
			continue;
		if (!value || !*value) {
			fputs("wireside: --data needs DIR\n", stderr);
			return NULL;
		}
		memmove(&argv[i], &argv[i + used], (size_t)(*argc - i - used + 1) * sizeof(*argv));
		*argc -= used;
		return usable_data(xstrdup(value));
	}
	return usable_data(config_default_data(use));
}

/* ---- all together ---- */

static void set_defaults(struct config *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++)
		if (config_options[i].kind != TEXT && config_options[i].kind != LIST)
			set_number(c, &config_options[i], config_options[i].fallback);
}

static void set_ports(struct config *c, struct text_list *list, const char *port)
{
	const char *const local[] = {"127.0.0.1", "[::1]"}, *const all[] = {"*"};
	bool only_local = c->domains.n == 1 && strcmp(c->domains.item[0], "localhost") == 0;

	if (list->n)
		return;
	list->assumed = true;
	for (size_t i = 0; i < (only_local ? ARRAY_LEN(local) : ARRAY_LEN(all)); i++) {
		char address[64];

		snprintf(address, sizeof(address), "%s:%s", only_local ? local[i] : all[i], port);
		list->item[list->n++] = xstrdup(address);
	}
}

/* localhost is reached from this machine only, so a server for it listens only there. */
static void fill_in(struct config *c)
{
	c->data_given = c->data != NULL;
	if (!c->data)
		c->data = config_default_data(c->use);
	if (c->use == CONFIG_NODE)
		return; /* its domain follows from its key, and clients on TCP are an exception */
	if (!c->domains.n)
		c->domains.item[c->domains.n++] = xstrdup("localhost");
	set_ports(c, &c->c2s, "5222");
	set_ports(c, &c->c2s_tls, "5223");
}

int config_read(int argc, char **argv, enum config_use use, struct config *ret, struct buf *why)
{
	struct config c;
	int err;

	set_defaults(&c);
	c.use = use;
	err = find_file(&c, argc, argv, why);
	if (!err && !c.file && use == CONFIG_NODE)
		find_own_file(&c, argc, argv, why);
	if (!err && c.file)
		err = config_read_file(&c, c.file, why);
	if (!err)
		err = read_flags(&c, argc, argv, why);
	if (!err && (c.certificate == NULL) != (c.key == NULL)) {
		config_where(&c, c.certificate ? "certificate" : "key", 0, why);
		buf_z(why, "certificate and key belong together: give both or none");
		err = ERR_INVALID;
	}
	if (err) {
		config_clear(&c);
		return err;
	}
	fill_in(&c);
	err = config_is_data(c.data, why) ? 0 : ERR_INVALID;
	if (!err && use == CONFIG_SERVE)
		err = config_rooms_check_services(&c, why);
	if (err)
		config_clear(&c);
	else
		*ret = c;
	return err;
}

static void help_line(struct buf *out, const struct option *o)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
	buf_fmt(out, "  %-27s %s", left, o->help);
	if (o->kind == NUMBER && o->fallback >= 0)
		buf_fmt(out, " (%d to %d, default %d)", o->min, o->max, o->fallback);
	if (o->kind == CHOICE) {
		struct str rest = str_z(o->value), word = STR_NONE;

		for (int i = 0; i <= o->fallback; i++)
			word = str_cut(&rest, '|');
		buf_fmt(out, " (default %.*s)", STR_FMT(word));
	}
	buf_char(out, '\n');
}

void config_print_help(enum config_use use, const char *usage, const char *examples)
{
	CLEANUP(buf_clear) struct buf out = {.max = 65536};

	buf_z(&out,
		"  -c FILE                     configuration file: the same names, e.g. c2s = {\"127.0.0.1:5222\"}\n");
	for (size_t i = 0; i < ARRAY_LEN(config_options); i++)
		if (config_options[i].use & use)
			help_line(&out, &config_options[i]);
	printf("%s%s%s", usage, buf_cstr(&out), examples);
}
