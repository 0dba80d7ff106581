#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/config_rooms.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum { ARGS_MAX = 80 };

struct fixture {
	struct config c;
	struct buf why;
	char path[64]; /* of a scratch file */
	int fd;
	bool read; /* c is to be cleared */
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "%s", "/tmp/wireside-config-XXXXXX");
	f->fd = mkstemp(f->path);
	assert_true(f->fd >= 0);
	buf_init(&f->why, 4096);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->read)
		config_clear(&f->c);
	close(f->fd);
	unlink(f->path);
	buf_clear(&f->why);
	xfree(f);
	return 0;
}

/* Cuts a text at its spaces. */
static int split(char *text, char **argv)
{
	char *word;
	int argc = 0;

	while ((word = strsep(&text, " ")) && argc < ARGS_MAX - 1)
		if (*word)
			argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

/* With these words after "serve". */
static int read_words(struct fixture *f, const char *words)
{
	char all[1024], *argv[ARGS_MAX];
	int argc, err;

	snprintf(all, sizeof(all), "serve %s", words);
	argc = split(all, argv);
	if (f->read)
		config_clear(&f->c);
	buf_reset(&f->why);
	err = config_read(argc, argv, CONFIG_SERVE, &f->c, &f->why);
	f->read = err == 0;
	return err;
}

static int read_text(struct fixture *f, const char *text, size_t n, const char *words)
{
	char all[512];

	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_int_equal(pwrite(f->fd, text, n, 0), (ssize_t)n);
	snprintf(all, sizeof(all), "-c %s %s", f->path, words);
	return read_words(f, all);
}

static void assert_list(const struct text_list *l, unsigned n, const char *first, const char *last)
{
	assert_int_equal(l->n, n);
	assert_string_equal(l->item[0], first);
	assert_string_equal(l->item[n - 1], last);
}

/* The one line of explanation ends in this. */
static void assert_why(struct fixture *f, const char *end)
{
	assert_true(f->why.n > 0);
	assert_null(memchr(f->why.p, '\n', f->why.n));
	if (!str_ends(buf_view(&f->why), str_z(end)))
		fail_msg("'%s' does not end in '%s'", buf_cstr(&f->why), end);
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_words(f, ""), 0);
	assert_list(&f->c.domains, 1, "localhost", "localhost");
	assert_list(&f->c.c2s, 2, "127.0.0.1:5222", "[::1]:5222");
	assert_list(&f->c.c2s_tls, 2, "127.0.0.1:5223", "[::1]:5223");
	assert_true(f->c.c2s.assumed);
	assert_non_null(f->c.data);
	assert_false(f->c.data_given);
	assert_false(f->c.registration || f->c.allow_plaintext || f->c.relaxed);
	assert_true(f->c.limits);
	assert_int_equal(f->c.offline_max, 100);
	assert_int_equal(f->c.log_level, LOG_INFO);
	assert_int_equal(f->c.ready_fd, -1);
}

static void test_default_ports_depend_on_the_domains(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_words(f, "--domain example.org"), 0);
	assert_list(&f->c.c2s, 1, "*:5222", "*:5222");
	assert_int_equal(read_words(f, "--domain localhost --domain example.org --c2s 127.0.0.1:1"), 0);
	assert_list(&f->c.c2s, 1, "127.0.0.1:1", "127.0.0.1:1");
	assert_false(f->c.c2s.assumed);
	assert_list(&f->c.c2s_tls, 1, "*:5223", "*:5223");
}

static void test_flags(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		read_words(f, "--data=/a=b --allow-plaintext --wires=4 --limits off --durability=relaxed --log debug"),
		0);
	assert_string_equal(f->c.data, "/a=b");
	assert_true(f->c.data_given && f->c.allow_plaintext && f->c.relaxed);
	assert_false(f->c.limits);
	assert_int_equal(f->c.wires, 4);
	assert_int_equal(f->c.log_level, LOG_DEBUG);
}

/* A flag's value may look like a flag. */
static void test_values_are_not_flags(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_words(f, "--data -c --key --data --certificate -c"), 0);
	assert_string_equal(f->c.data, "-c");
	assert_string_equal(f->c.key, "--data");
	assert_null(f->c.file);
}

static void test_addresses_are_canonical(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_words(f, "--domain EXAMPLE.org --admin Alice@Example.ORG"), 0);
	assert_list(&f->c.domains, 1, "example.org", "example.org");
	assert_list(&f->c.admins, 1, "alice@example.org", "alice@example.org");
}

static void test_file(void **state)
{
	static const char text[] = "# all kinds\ndomain = {\"a.example\", b.example} // two\nc2s = \"[::1]:0\"\n"
				   "allow-plaintext = yes\nwires = 2 /* threads */\nlog = 'warn'\nregistration = open\n"
				   "domain += c.example\n";
	struct fixture *f = *state;

	assert_int_equal(read_text(f, text, sizeof(text) - 1, ""), 0);
	assert_list(&f->c.domains, 3, "a.example", "c.example");
	assert_list(&f->c.c2s, 1, "[::1]:0", "[::1]:0");
	assert_true(f->c.allow_plaintext && f->c.registration);
	assert_int_equal(f->c.wires, 2);
	assert_int_equal(f->c.log_level, LOG_WARN);
	assert_string_equal(f->c.file, f->path);
}

static void test_flags_win(void **state)
{
	static const char text[] = "domain = {a.example, b.example}\nwires = 2\noffline-max = 7\n";
	struct fixture *f = *state;

	assert_int_equal(read_text(f, text, sizeof(text) - 1, "--domain x.example --wires 3 --domain y.example"), 0);
	assert_list(&f->c.domains, 2, "x.example", "y.example");
	assert_int_equal(f->c.wires, 3);
	assert_int_equal(f->c.offline_max, 7);
}

static void test_wrong_flags(void **state)
{
	static const struct {
		const char *words, *why;
	} wrong[] = {
		{"--frob 1", "'--frob' is not understood; see --help"},
		{"wires", "'wires' is not understood; see --help"},
		{"-", "'-' is not understood; see --help"},
		{"--", "'--' is not understood; see --help"},
		{"--=1", "'--=1' is not understood; see --help"},
		{"--allow-plaintext=true", "'--allow-plaintext=true' is not understood; see --help"},
		{"--wires", "--wires needs N"},
		{"-c", "-c needs FILE"},
		{"--wires -1", "'-1' is no number from 0 to 8"},
		{"--wires 9", "'9' is no number from 0 to 8"},
		{"--wires 4294967296", "'4294967296' is no number from 0 to 8"},
		{"--offline-max 0", "'0' is no number from 1 to 100000"},
		{"--log loud", "'loud' is none of error|warn|info|debug"},
		{"--log info|debug", "'info|debug' is none of error|warn|info|debug"},
		{"--domain a..b", "'a..b' is not a domain, like example.org"},
		{"--domain a@b", "'a@b' is not a domain, like example.org"},
		{"--admin example.org", "'example.org' is not an address of the form USER@DOMAIN"},
		{"--admin a@b/c", "'a@b/c' is not an address of the form USER@DOMAIN"},
		{"--key k", "certificate and key belong together: give both or none"},
		{"--data=", "data: is empty"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(read_words(f, wrong[i].words), ERR_INVALID);
		assert_why(f, wrong[i].why);
	}
}

/* How a node may be called: what old programs can repeat, and what is a user. */
static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} names[] = {
		{"alice@alpha", true},
		{"j\xc3\xbcrgen@alpha-2.example (2)", true},
		{"alice", false},
		{"alice@", false},
		{"@alpha", false},
		{"a&b@alpha", false},
		{"alice@a&b", false},
		{"alice@a<b", false},
		{"alice@a\"b", false},
		{"alice@a'b", false},
		{"alice@012345678901234567890123456789012345678901234567890123456", true},
		{"alice@0123456789012345678901234567890123456789012345678901234567", false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char name[100], words[][8] = {"node", "--name"}, *argv[] = {words[0], words[1], name, NULL};
		snprintf(name, sizeof(name), "%s", names[i].name);
		buf_reset(&f->why);
		if (f->read)
			config_clear(&f->c);
		f->read = config_read(3, argv, CONFIG_NODE, &f->c, &f->why) == 0;
		if (f->read != names[i].good)
			fail_msg("%s", name);
	}
	assert_why(f, "without & < > and quotation marks");
}

static bool reads_node(struct fixture *f, const char *option, const char *value)
{
	char first[] = "node", name[32], text[512], *argv[] = {first, name, text, NULL};

	snprintf(name, sizeof(name), "%s", option);
	snprintf(text, sizeof(text), "%s", value);
	buf_reset(&f->why);
	if (f->read)
		config_clear(&f->c);
	f->read = config_read(3, argv, CONFIG_NODE, &f->c, &f->why) == 0;
	return f->read;
}

/* Programs log in to a node on its own machine only, whoever says otherwise. */
static void test_node_clients_are_local(void **state)
{
	static const char *const good[] = {"127.0.0.1:5222", "127.9.9.9:0", "[::1]:5222", "[::ffff:127.0.0.1]:5222"};
	static const char *const bad[] = {"*:5222", "0.0.0.0:5222", "[::]:5222", "10.0.0.7:5222", "[fe80::1%lo]:5222",
		"128.0.0.1:5222", "localhost:5222", "unix:/tmp/x", "127.0.0.1", ""};
	struct fixture *f = *state;
	char text[128];
	int n;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(reads_node(f, "--c2s", good[i]));
		assert_list(&f->c.c2s, 1, good[i], good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (reads_node(f, "--c2s", bad[i]))
			fail_msg("%s", bad[i]);
		assert_why(f, "For others run `wireside serve`");
		n = snprintf(text, sizeof(text), "\nc2s = {\"127.0.0.1:1\", \"%s\"}\n", bad[i]);
		assert_int_equal(ftruncate(f->fd, 0), 0);
		assert_int_equal(pwrite(f->fd, text, (size_t)n, 0), n);
		assert_false(reads_node(f, "-c", f->path));
		assert_non_null(strstr(buf_cstr(&f->why), ":2: c2s: "));
	}
	assert_int_equal(read_words(f, "--c2s *:5222"), 0); /* a server's are for everybody */
}

/* node.conf in the data folder is read by itself; flags and -c go before it. */
static void test_own_file_of_a_node(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/tmp/wireside-config-XXXXXX", path[64], data[32] = "--data", option[32] = "--plaintext",
	     allow[] = "allow", node[] = "node", c[] = "-c", *argv[] = {node, data, folder, option, allow, NULL},
	     *other[] = {node, data, folder, c, f->path, NULL};
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/node.conf", folder);
	assert_int_equal(config_read(3, argv, CONFIG_NODE, &f->c, &f->why), 0); /* there is none */
	assert_int_equal(f->c.discovery, 0);
	config_clear(&f->c);
	file = fopen(path, "we");
	fputs("discovery = own\nplaintext = never\nname = \"bob@bravo\"\n", file);
	fclose(file);
	assert_int_equal(config_read(3, argv, CONFIG_NODE, &f->c, &f->why), 0);
	assert_int_equal(f->c.discovery, 2);
	assert_int_equal(f->c.plaintext, 2);
	assert_string_equal(f->c.name, "bob@bravo");
	config_clear(&f->c);
	assert_int_equal(config_read(5, argv, CONFIG_NODE, &f->c, &f->why), 0);
	assert_int_equal(f->c.discovery, 2);
	assert_int_equal(f->c.plaintext, 1);
	config_clear(&f->c);
	assert_int_equal(config_read(5, other, CONFIG_NODE, &f->c, &f->why), 0); /* an empty file */
	assert_int_equal(f->c.discovery, 0);
	config_clear(&f->c);
	assert_int_equal(config_read(3, argv, CONFIG_SERVE, &f->c, &f->why), 0);
	assert_null(f->c.file);
	config_clear(&f->c);
	file = fopen(path, "we");
	fputs("discovery = yes\n", file);
	fclose(file);
	assert_int_equal(config_read(3, argv, CONFIG_NODE, &f->c, &f->why), ERR_INVALID);
	assert_non_null(strstr(buf_cstr(&f->why), "node.conf:1: discovery: "));
	unlink(path);
	rmdir(folder);
}

static void test_lists_have_a_limit(void **state)
{
	struct fixture *f = *state;
	struct buf text;

	buf_init(&text, 4096);
	for (int i = 0; i < CONFIG_LIST_MAX; i++)
		buf_fmt(&text, "domain += d%d.example\n", i);
	assert_int_equal(read_text(f, text.p, text.n, ""), 0);
	assert_int_equal(f->c.domains.n, CONFIG_LIST_MAX);
	buf_z(&text, "domain += more.example\n");
	assert_int_equal(read_text(f, text.p, text.n, ""), ERR_INVALID);
	assert_why(f, ":65: domain: more than 64 values");
	buf_clear(&text);
}

static void test_wrong_files(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{"frob = 1\n", ":1: no such option 'frob'"},
		{"\n# one\n// two\n/* three\n */ wires = 9\n", ":5: wires: '9' is no number from 0 to 8"},
		{"log = info # \"\nwires = 9\n", ":2: wires: '9' is no number from 0 to 8"},
		{"data = \"# /* \\\" \"\nwires = 9\n", ":2: wires: '9' is no number from 0 to 8"},
		{"\ncertificate = x\n", ":2: certificate and key belong together: give both or none"},
		{"\n\nkey = x\n", ":3: certificate and key belong together: give both or none"},
		{"domain = {a.example,\n\n\"b c\"}\n", ":3: domain: 'b c' is not a domain, like example.org"},
		{"\n\n\"\n\n", ":3: what begins here does not end"},
		{"/* \n\n", ":1: what begins here does not end"},
		{"/*", ":1: what begins here does not end"},
		{"'\\", ":1: what begins here does not end"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(read_text(f, wrong[i].text, strlen(wrong[i].text), ""), ERR_INVALID);
		assert_true(str_starts(buf_view(&f->why), str_z(f->path)));
		assert_why(f, wrong[i].why);
	}
}

/* Where the i-th value of an option was given. */
static void check_where(struct fixture *f, const char *name, unsigned i, int line)
{
	char expected[100] = "";

	if (line)
		snprintf(expected, sizeof(expected), "%s:%d: ", f->path, line);
	buf_reset(&f->why);
	config_where(&f->c, name, i, &f->why);
	assert_string_equal(buf_cstr(&f->why), expected);
}

static void test_where_it_was_given(void **state)
{
	static const char text[] =
		"c2s = {\"1.2.3.4:1\",\n\"1.2.3.4:2\"}\n\nc2s-tls = 1.2.3.4:3\ncertificate = a\nkey = b\n"
		"c2s += \"1.2.3.4:4\"\n";
	struct fixture *f = *state;

	assert_int_equal(read_text(f, text, sizeof(text) - 1, "--c2s-tls=1.2.3.4:5 --key=c"), 0);
	check_where(f, "c2s", 0, 1);
	check_where(f, "c2s", 1, 2);
	check_where(f, "c2s", 2, 7);
	check_where(f, "certificate", 0, 5);
	check_where(f, "c2s-tls", 0, 0);
	check_where(f, "key", 0, 0);
	check_where(f, "domain", 0, 0);
}

static void test_unreadable_files(void **state)
{
	static const char zero[] = "log = info\0wires = 2\n";
	struct fixture *f = *state;
	char *large = xmalloc((1 << 20) + 1);

	assert_int_equal(read_words(f, "-c /none/at/all"), ERR_NOTFOUND);
	assert_why(f, "/none/at/all: cannot be read: No such file or directory");
	assert_int_equal(read_words(f, "-c /"), ERR_NOTFOUND);
	assert_why(f, "/: cannot be read: Is a directory");
	assert_int_equal(read_text(f, zero, sizeof(zero) - 1, ""), ERR_INVALID);
	assert_why(f, ": is no text");
	memset(large, ' ', (1 << 20) + 1);
	assert_int_equal(read_text(f, large, (1 << 20) + 1, ""), ERR_INVALID);
	assert_why(f, ": is too large");
	assert_int_equal(read_text(f, "", 0, ""), 0);
	xfree(large);
}

/* Whatever stands in a file: read, or refused with a line. */
static void test_any_file(void **state)
{
	static const char *const parts[] = {"domain", "wires", "=", "+=", "{", "}", "(", ")", ",", "\"", "'", "\\", "#",
		"/*", "*/", "//", "\n", " ", "a.example", "2", "${HOME}", "${", "true", "include", "\xff", "log"};
	struct fixture *f = *state;
	uint32_t seed = 1;

	for (int round = 0; round < 500; round++) {
		char text[256];
		size_t n = 0;

		for (int i = 0; i < 14; i++) {
			seed = seed * 1664525 + 1013904223;
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", parts[(seed >> 16) % ARRAY_LEN(parts)]);
		}
		if (read_text(f, text, n, "") != 0)
			assert_true(f->why.n > 0);
	}
}

/* What --data says, and what is left of the other words. */
static void check_data(const char *words, const char *data, const char *left)
{
	char all[200], rest[200] = "", *argv[ARGS_MAX], *found;
	int argc;

	snprintf(all, sizeof(all), "%s", words);
	argc = split(all, argv);
	found = config_take_data(&argc, argv, CONFIG_SERVE);
	if (!data) {
		assert_null(found);
		return;
	}
	assert_string_equal(found, data);
	xfree(found);
	assert_null(argv[argc]);
	for (int i = 0; i < argc; i++) {
		strcat(rest, argv[i]);
		strcat(rest, " ");
	}
	assert_string_equal(rest, left);
}

static void test_take_data(void **state)
{
	(void)state;
	check_data("status --data /d --json", "/d", "status --json ");
	check_data("status --json --data /d", "/d", "status --json ");
	check_data("status --data=/d=e", "/d=e", "status ");
	check_data("status --data", NULL, NULL);
	check_data("status --data=", NULL, NULL);
}

static void test_default_data(void **state)
{
	char *data;

	(void)state;
	setenv("XDG_DATA_HOME", "/xdg", 1);
	data = config_default_data(CONFIG_SERVE);
	assert_string_equal(data, geteuid() == 0 ? "/var/lib/wireside" : "/xdg/wireside/server");
	xfree(data);
	/* A relative one is to be ignored, says the specification. */
	setenv("XDG_DATA_HOME", "xdg", 1);
	setenv("HOME", "/h/x", 1);
	data = config_default_data(CONFIG_SERVE);
	assert_string_equal(data, geteuid() == 0 ? "/var/lib/wireside" : "/h/x/.local/share/wireside/server");
	xfree(data);
}

#define CONFIG(text) text, sizeof(text) - 1, ""

/* What is said of one service wins, wherever it stands. */
static void test_rooms(void **state)
{
	struct fixture *f = *state;
	const char *defaults[CONFIG_LIST_MAX + 1];
	struct rooms_config rc = {.occupants_max = 7, .archive_max = 8};

	assert_int_equal(
		read_text(f,
			CONFIG("domain = {\"a.org\", \"b.org\"}\n"
			       "room-default = {\"rooms.b.org maxusers=5\", \"moderatedroom=1\", \"roomdesc=As we like it\"}\n"
			       "room-limit = {\"rooms.b.org occupants=200\", \"occupants=300\", \"per-day=9\"}\n")),
		0);
	config_rooms_apply(&f->c, "rooms.b.org", &rc, defaults);
	assert_int_equal(rc.occupants_max, 200);
	assert_int_equal(rc.made_max, 9);
	assert_int_equal(rc.archive_max, 8);
	assert_string_equal(defaults[0], "moderatedroom=1");
	assert_string_equal(defaults[1], "roomdesc=As we like it");
	assert_string_equal(defaults[2], "maxusers=5");
	assert_null(defaults[3]);
	config_rooms_apply(&f->c, "rooms.a.org", &rc, defaults);
	assert_int_equal(rc.occupants_max, 300);
	assert_null(defaults[2]);
}

static void test_wrong_rooms(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_text(f, CONFIG("\nroom-default = {\"persistentroom=1\",\n\"whois=nobody\"}\n")),
		ERR_INVALID);
	assert_why(f, ":3: room-default: 'whois=nobody' is no value that this setting can have");
	assert_int_equal(read_words(f, "--room-default colour=red"), ERR_INVALID);
	assert_non_null(strstr(buf_cstr(&f->why), "no setting of a room; there are: roomname "));
	assert_int_equal(read_words(f, "--room-default moderatedroom"), ERR_INVALID);
	assert_int_equal(read_words(f, "--room-default =1"), ERR_INVALID);
	assert_int_equal(read_words(f, "--room-limit occupants=0"), ERR_INVALID);
	assert_why(f, "no number from 1 to 100000");
	assert_int_equal(read_words(f, "--room-limit occupants=-1"), ERR_INVALID);
	assert_int_equal(read_words(f, "--room-limit chairs=1"), ERR_INVALID);
	assert_int_equal(read_text(f, CONFIG("room-limit = {\"rooms.a.org rooms=3\"}\ndomain = {\"b.org\"}\n")),
		ERR_INVALID);
	assert_why(f,
		":1: room-limit: 'rooms.a.org' is no service of rooms here; a domain's is rooms.DOMAIN, or what rooms-host says");
}

/* Services are called as one likes, each by a name of its own. */
static void test_rooms_host(void **state)
{
	struct fixture *f = *state;
	struct service_name service;

	assert_int_equal(read_text(f,
				 CONFIG("domain = {\"a.org\", \"b.org\"}\nrooms-host = {\"b.org Conference.B.org\"}\n"
					"room-limit = {\"conference.b.org rooms=3\"}\n")),
		0);
	config_rooms_service(&f->c, 0, &service);
	assert_string_equal(service.text, "rooms.a.org");
	config_rooms_service(&f->c, 1, &service);
	assert_string_equal(service.text, "conference.b.org");
	assert_int_equal(read_text(f, CONFIG("domain = {\"a.org\", \"b.org\"}\nrooms-host = {\"chat.a.org\"}\n")),
		ERR_INVALID);
	assert_why(f, ":2: rooms-host: 'chat.a.org' does not say of which domain: \"DOMAIN NAME\"");
	assert_int_equal(read_text(f, CONFIG("domain = \"a.org\"\nrooms-host = {\"c.org chat.a.org\"}\n")),
		ERR_INVALID);
	assert_why(f, ":2: rooms-host: 'c.org chat.a.org' is of a domain that is not served");
	assert_int_equal(read_words(f, "--rooms-host x@y"), ERR_INVALID);
	assert_why(f, "not of the form [DOMAIN ]NAME, like conference.example.org");
	assert_int_equal(read_text(f, CONFIG("domain = \"a.org\"\nrooms-host = {\"a.org\"}\n")), ERR_INVALID);
	assert_int_equal(
		read_text(f, CONFIG("domain = {\"a.org\", \"b.org\"}\nrooms-host = {\"b.org rooms.a.org\"}\n")),
		ERR_INVALID);
	assert_int_equal(read_words(f, "--room-logs-url javascript:alert(1)"), ERR_INVALID);
	assert_int_equal(read_words(f, "--room-logs-url https://x/'y"), ERR_INVALID);
	assert_int_equal(read_words(f, "--room-logs-url https://"), ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_default_ports_depend_on_the_domains),
		TEST(test_flags),
		TEST(test_values_are_not_flags),
		TEST(test_addresses_are_canonical),
		TEST(test_file),
		TEST(test_flags_win),
		TEST(test_wrong_flags),
		TEST(test_names),
		TEST(test_node_clients_are_local),
		TEST(test_own_file_of_a_node),
		TEST(test_lists_have_a_limit),
		TEST(test_wrong_files),
		TEST(test_where_it_was_given),
		TEST(test_unreadable_files),
		TEST(test_any_file),
		TEST(test_take_data),
		TEST(test_default_data),
		TEST(test_rooms),
		TEST(test_wrong_rooms),
		TEST(test_rooms_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
