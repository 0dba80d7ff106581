/* The public logs of rooms: names and texts that want to be something else, rights, links, folders that cannot be
 * written. */
#include "db/room_log.h"
#include "db/testing.h"

#include <fcntl.h>
#include <sys/stat.h>

#define TIME 1800000001000 /* 2027-01-15T08:00:01Z */
#define DAY "2027-01-15"

static void expect_folder(const char *room, const char *want)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192};

	room_log_folder(&out, str_z(room));
	assert_string_equal(buf_cstr(&out), want);
}

static void test_folders(void **state)
{
	CLEANUP(buf_clear) struct buf a = {.max = 8192}, b = {.max = 8192};
	char name[2000];

	expect_folder("lunch@rooms.example.org", "lunch@rooms.example.org");
	expect_folder("..@x", "%2E.@x");
	expect_folder("a%2fb\\c\xc3\xa9@x", "a%252fb%5Cc%C3%A9@x");
	/* Long ones differ although their beginnings do not. */
	memset(name, 'n', sizeof(name));
	room_log_folder(&a, (struct str){name, 1000});
	room_log_folder(&b, (struct str){name, 1001});
	assert_in_range(a.n, 10, 255);
	assert_string_not_equal(buf_cstr(&a), buf_cstr(&b));
}

static void expect_line(struct room_line line, const char *text, const char *html)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192};

	line.time = TIME;
	room_log_text(&out, &line);
	assert_string_equal(buf_cstr(&out), text);
	buf_reset(&out);
	room_log_html(&out, &line);
	assert_string_equal(buf_cstr(&out), html);
}
#define STAMP "<time datetime=\"2027-01-15T08:00:01.000Z\">08:00:01</time>"

static void test_lines(void **state)
{
	expect_line((struct room_line){.nick = STR("bob"), .text = STR("a < b & \"c\"")},
		"08:00:01 <bob> a < b & \"c\"\n", "<p>" STAMP " <b>bob</b> a &lt; b &amp; &quot;c&quot;</p>\n");
	expect_line((struct room_line){.nick = STR("<i>\n"), .did = STR("left")}, "08:00:01 * <i>  left\n",
		"<p class=\"event\">" STAMP " <b>&lt;i&gt; </b> left</p>\n");
	expect_line((struct room_line){.did = STR("was destroyed"), .text = STR("why")},
		"08:00:01 * the room was destroyed: why\n",
		"<p class=\"event\">" STAMP " <b>the room</b> was destroyed: why</p>\n");
	/* What one does is told as such, and is still one's own words. */
	expect_line((struct room_line){.nick = STR("bob"), .text = STR("/me waves & <left>")},
		"08:00:01 <bob> * bob waves & <left>\n", "<p>" STAMP " * <b>bob</b> waves &amp; &lt;left&gt;</p>\n");
	expect_line((struct room_line){.nick = STR("bob"), .text = STR("/mea")}, "08:00:01 <bob> /mea\n",
		"<p>" STAMP " <b>bob</b> /mea</p>\n");
	expect_line((struct room_line){.nick = STR("bob"), .did = STR("left"), .text = STR("/me is gone")},
		"08:00:01 * bob left: /me is gone\n",
		"<p class=\"event\">" STAMP " <b>bob</b> left: /me is gone</p>\n");
	/* A second line cannot pass for a line of the log; overrides of direction and controls are not there. */
	expect_line(
		(struct room_line){.nick = STR("e"), .text = STR("x\n08:00:02 <bob> \xe2\x80\xae\x1b[2J\xc2\x9b\xff")},
		"08:00:01 <e> x\n         08:00:02 <bob> [2J?\n",
		"<p>" STAMP " <b>e</b> x<br>08:00:02 &lt;bob&gt; [2J?</p>\n");
}

static void expect_html(const char *text, const char *part)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192}, want = {.max = 8192};

	room_log_html(&out, &(struct room_line){.time = TIME, .nick = STR("e"), .text = str_z(text)});
	buf_fmt(&want, "<p>" STAMP " <b>e</b> %s</p>\n", part);
	assert_string_equal(buf_cstr(&out), buf_cstr(&want));
}
#define LINK(where) "<a href=\"" where "\" rel=\"noopener noreferrer nofollow\">" where "</a>"

/* Addresses on the web can be followed, and do nothing else. */
static void test_links(void **state)
{
	expect_html("see https://example.org/a?b=1&c=2.", "see " LINK("https://example.org/a?b=1&amp;c=2") ".");
	expect_html("http://x.example/y_(z), http://x.example,",
		LINK("http://x.example/y_(z)") ", " LINK("http://x.example") ",");
	expect_html("(http://x.example)", "(" LINK("http://x.example") ")");
	expect_html("https://\xc3\xa9.example/\nhttp://b", LINK("https://\xc3\xa9.example/") "<br>" LINK("http://b"));
	expect_html("http://x))),", LINK("http://x") "))),");
	expect_html("http://x/(a))),", LINK("http://x/(a)))") ",");
	/* Out of the attribute leads nothing, and what is not seen ends it. */
	expect_html("http://x/\"onclick=alert(1)", LINK("http://x/") "&quot;onclick=alert(1)");
	expect_html("http://x/'y><script>", LINK("http://x/&#39;y") "&gt;&lt;script&gt;");
	expect_html("http://x\xe2\x80\xaey\xff", LINK("http://x") "y?");
	/* No links: other schemes, the middle of a word, nothing behind it; nicknames and what somebody did. */
	expect_html("javascript:alert(1) data:text/html,x ftp://x", "javascript:alert(1) data:text/html,x ftp://x");
	expect_html("xhttp://x http:// https://.", "xhttp://x http:// https://.");
	expect_line((struct room_line){.nick = STR("http://x"), .did = STR("left")}, "08:00:01 * http://x left\n",
		"<p class=\"event\">" STAMP " <b>http://x</b> left</p>\n");
	expect_line((struct room_line){.nick = STR("e"), .text = STR("http://x")}, "08:00:01 <e> http://x\n",
		"<p>" STAMP " <b>e</b> " LINK("http://x") "</p>\n");
}

/* A link ends somewhere. */
static void test_long_link(void **state)
{
	CLEANUP(buf_clear) struct buf text = {.max = 8192}, out = {.max = 65536};

	buf_z(&text, "http://x/");
	while (text.n < 5000)
		buf_char(&text, 'y');
	room_log_html(&out, &(struct room_line){.time = TIME, .nick = STR("e"), .text = buf_view(&text)});
	assert_true(buf_ok(&out));
	assert_in_range(out.n, 5000 + 2048, 5000 + 2048 + 300);
	assert_null(strstr(strstr(buf_cstr(&out), "<a ") + 1, "<a "));
}

/* ---- files ---- */

struct folder {
	char path[80];
	struct room_log *log;
};

static int set_up(void **state)
{
	struct folder *f = xcalloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	snprintf(f->path, sizeof(f->path), "%.40s/ws-log-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->path));
	log_set_sink(drop_line);
	f->log = room_log_new(f->path);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;
	char command[200];

	room_log_free(&f->log);
	snprintf(command, sizeof(command), "rm -r '%s'", f->path);
	assert_int_equal(system(command), 0);
	xfree(f);
	return 0;
}

static void put(struct folder *f, const char *room, int64_t time, const char *nick, const char *text)
{
	struct store_batch *b = store_batch_new();

	store_put(b, STORE_VCARD_PUT, STR("d"), STR("l"), STR("x"));
	store_put(b, STORE_ROOM_LOG, STR("rooms.x"), str_z(room), time, str_z(nick), STR_NONE, str_z(text));
	room_log_batch(f->log, b);
	room_log_rest(f->log);
	store_batch_free(&b);
}

static struct stat stat_of(struct folder *f, const char *name)
{
	struct stat st;
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void expect_file(struct folder *f, const char *name, const char *part, unsigned times)
{
	char path[400], text[8192];
	const char *at = text;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	for (; (at = strstr(at, part)); times--)
		at++;
	assert_int_equal(times, 0);
}

static void take_back(struct folder *f, int64_t time, const char *nick, const char *text)
{
	struct store_batch *b = store_batch_new();

	store_put(b, STORE_ROOM_UNLOG, STR("rooms.x"), STR("tea"), time, str_z(nick), str_z(text));
	room_log_batch(f->log, b);
	store_batch_free(&b);
}

static void begin_day(struct folder *f, const char *room, int64_t time, const char *name, const char *subject)
{
	struct store_batch *b = store_batch_new();

	store_put(b, STORE_ROOM_LOG_DAY, STR("rooms.x"), str_z(room), time, str_z(name), str_z(subject));
	room_log_batch(f->log, b);
	room_log_rest(f->log);
	store_batch_free(&b);
}

static void expire(struct folder *f, int64_t time)
{
	struct store_batch *b = store_batch_new();

	store_put(b, STORE_ROOM_LOG_EXPIRE, STR("rooms.x"), time);
	for (int i = 0; i < 3; i++) /* the folders are read, and their end seen */
		room_log_batch(f->log, b);
	store_batch_free(&b);
}

static bool is_there(struct folder *f, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return access(path, F_OK) == 0;
}

enum { DAY_MS = 86400000 };

/* From each day to the next one, and an index of all; name and subject are at the head, as text. */
static void test_days(void **state)
{
	struct folder *f = *state;

	begin_day(f, "tea", TIME, "Tea & <cake>", "<script>x</script> http://x");
	put(f, "tea", TIME, "bob", "one");
	begin_day(f, "tea", TIME, "Tea", "other"); /* the server was restarted */
	put(f, "tea", TIME, "bob", "two");
	expect_file(f, "tea@rooms.x/" DAY ".html", "<h1>Tea &amp; &lt;cake&gt; (tea@rooms.x), " DAY "</h1>\n", 1);
	expect_file(f, "tea@rooms.x/" DAY ".html", "&lt;script&gt;x&lt;/script&gt; " LINK("http://x") "</p>\n", 1);
	expect_file(f, "tea@rooms.x/" DAY ".html", "<h1>", 1);
	expect_file(f, "tea@rooms.x/" DAY ".html", "rel=\"prev\"", 0);
	expect_file(f, "tea@rooms.x/" DAY ".html", "<a href=\"index.html\">", 1);
	/* A day without a word in between is no link. */
	begin_day(f, "tea", TIME + 2 * (int64_t)DAY_MS, "Tea", "");
	put(f, "tea", TIME + 2 * (int64_t)DAY_MS, "bob", "three");
	put(f, "tea", TIME + 2 * (int64_t)DAY_MS, "bob", "four");
	expect_file(f, "tea@rooms.x/" DAY ".html", "<a rel=\"next\" href=\"2027-01-17.html\">2027-01-17</a></p>\n", 1);
	expect_file(f, "tea@rooms.x/2027-01-17.html", "<a rel=\"prev\" href=\"" DAY ".html\">" DAY "</a></p>\n", 1);
	expect_file(f, "tea@rooms.x/index.html", "<h1>Tea (tea@rooms.x)</h1>", 1);
	expect_file(f, "tea@rooms.x/index.html",
		"<li><a href=\"2027-01-17.html\">2027-01-17</a> (<a href=\"2027-01-17.txt\">text</a>)</li>\n"
		"<li><a href=\"" DAY ".html\">" DAY "</a> (<a href=\"" DAY ".txt\">text</a>)</li>\n",
		1);
	assert_int_equal(stat_of(f, "tea@rooms.x/index.html").st_mode & 0777, 0600);
	/* What strangers said does not pass for our links. */
	expect_file(f, "tea@rooms.x/2027-01-17.txt", "nav", 0);
}

static void test_expired(void **state)
{
	struct folder *f = *state;
	char path[400];

	for (int i = 0; i < 3; i++)
		put(f, "tea", TIME + i * (int64_t)DAY_MS, "bob", "one");
	put(f, "quiet", TIME, "bob", "one");
	put(f, "shared", TIME, "bob", "one");
	snprintf(path, sizeof(path), "%s/shared@rooms.x/notes.txt", f->path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/link@rooms.x", f->path);
	assert_int_equal(symlink("tea@rooms.x", path), 0);
	expire(f, TIME);
	assert_true(is_there(f, "tea@rooms.x/" DAY ".txt")); /* a day is kept whole */
	expire(f, TIME + DAY_MS);
	assert_false(is_there(f, "tea@rooms.x/" DAY ".txt"));
	assert_false(is_there(f, "tea@rooms.x/" DAY ".html"));
	expect_file(f, "tea@rooms.x/index.html", DAY, 0);
	expect_file(f, "tea@rooms.x/index.html", "2027-01-16.html", 1);
	expect_file(f, "tea@rooms.x/2027-01-16.html", "rel=\"prev\"", 0);
	expect_file(f, "tea@rooms.x/2027-01-16.html", "rel=\"next\"", 1);
	expect_file(f, "tea@rooms.x/2027-01-17.html", "rel=\"prev\"", 1);
	/* A room without a day has no folder, unless something else is in it. */
	assert_false(is_there(f, "quiet@rooms.x"));
	assert_true(is_there(f, "shared@rooms.x/notes.txt"));
	assert_false(is_there(f, "shared@rooms.x/index.html"));
	/* And it begins anew. */
	put(f, "quiet", TIME + 2 * (int64_t)DAY_MS, "bob", "again");
	expect_file(f, "quiet@rooms.x/index.html", "2027-01-17.html", 1);
}

static void write_file(struct folder *f, const char *name, const char *text)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void make_folder(struct folder *f, const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* Others have folders and files there, too, with names of days. */
static void test_expired_others(void **state)
{
	static const char *const folders[] = {"backup", "tea@rooms.y", "tea@other.rooms.x", "@rooms.x", ".tea@rooms.x"};
	struct folder *f = *state;
	char name[200], room[400];
	CLEANUP(buf_clear) struct buf cut = {.max = 8192};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		make_folder(f, folders[i]);
		snprintf(name, sizeof(name), "%s/" DAY ".txt", folders[i]);
		write_file(f, name, "x");
	}
	put(f, "tea", TIME, "bob", "one");
	write_file(f, "tea@rooms.x/index.html", "<html>mine</html>");
	write_file(f, "tea@rooms.x/2027-01-14.txt", "without a page");
	write_file(f, "tea@rooms.x/" DAY ".txt.bak", "x");
	/* A long name has no service at its end. */
	memset(room, 'n', 300);
	room[300] = '\0';
	put(f, room, TIME, "bob", "one");
	snprintf(room + 300, sizeof(room) - 300, "@rooms.x");
	room_log_folder(&cut, str_z(room));
	assert_true(is_there(f, buf_cstr(&cut)));
	expire(f, TIME + DAY_MS);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		snprintf(name, sizeof(name), "%s/" DAY ".txt", folders[i]);
		assert_true(is_there(f, name));
	}
	assert_false(is_there(f, "tea@rooms.x/" DAY ".txt"));
	assert_false(is_there(f, "tea@rooms.x/2027-01-14.txt"));
	assert_true(is_there(f, "tea@rooms.x/" DAY ".txt.bak"));
	expect_file(f, "tea@rooms.x/index.html", "mine", 1);
	assert_false(is_there(f, buf_cstr(&cut)));
}

static unsigned count_days(struct folder *f)
{
	char name[200];
	unsigned n = 0;

	for (int i = 1; i <= 28; i++)
		for (int m = 1; m <= 4; m++) {
			snprintf(name, sizeof(name), "tea@rooms.x/2020-%02d-%02d.txt", m, i);
			n += is_there(f, name);
		}
	return n;
}

/* An old folder does not keep the store: some days at a time, past what cannot be removed, and once for each day. */
static void test_expired_slowly(void **state)
{
	struct store_batch *b = store_batch_new();
	struct folder *f = *state;
	char name[200];

	put(f, "tea", TIME, "bob", "one");
	for (int i = 1; i <= 28; i++)
		for (int m = 1; m <= 4; m++) {
			snprintf(name, sizeof(name), "tea@rooms.x/2020-%02d-%02d.txt", m, i);
			write_file(f, name, "x");
		}
	make_folder(f, "tea@rooms.x/2020-01-03.html");
	store_put(b, STORE_ROOM_LOG_EXPIRE, STR("rooms.x"), (int64_t)TIME);
	room_log_batch(f->log, b);
	assert_int_equal(count_days(f), 112 - 32);
	for (int i = 0; i < 4; i++)
		room_log_batch(f->log, b);
	assert_int_equal(count_days(f), 0);
	write_file(f, "tea@rooms.x/2020-01-01.txt", "x");
	for (int i = 0; i < 4; i++)
		room_log_batch(f->log, b);
	assert_int_equal(count_days(f), 1);
	expire(f, TIME + DAY_MS);
	assert_int_equal(count_days(f), 0);
	assert_true(is_there(f, "tea@rooms.x/2020-01-03.html"));
	store_batch_free(&b);
}

/* Also what was written before there were links. */
static void test_link_taken_back(void **state)
{
	struct folder *f = *state;
	char path[400];
	FILE *old;

	put(f, "tea", TIME, "bob", "see http://secret.example now");
	take_back(f, TIME, "bob", "see http://secret.example now");
	expect_file(f, "tea@rooms.x/" DAY ".html", "secret", 0);
	snprintf(path, sizeof(path), "%s/tea@rooms.x/" DAY ".html", f->path);
	old = fopen(path, "a");
	assert_non_null(old);
	fputs("<p>" STAMP " <b>bob</b> see http://hidden.example</p>\n", old);
	assert_int_equal(fclose(old), 0);
	take_back(f, TIME, "bob", "see http://hidden.example");
	expect_file(f, "tea@rooms.x/" DAY ".html", "hidden", 0);
	expect_file(f, "tea@rooms.x/" DAY ".html", "taken back", 2);
}

/* Taken back: gone from both files, and nothing else is; what only looks like the line stays; the rights stay. */
static void test_taken_back(void **state)
{
	struct folder *f = *state;
	char path[400];

	put(f, "tea", TIME, "eve", "look:\n08:00:01 <bob> <secret>");
	put(f, "tea", TIME, "bob", "<secret>\nof two lines");
	put(f, "tea", TIME, "bob", "not that");
	put(f, "tea", TIME, "bob", "/me regrets");
	take_back(f, TIME, "bob", "/me regrets");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "regrets", 0);
	expect_file(f, "tea@rooms.x/" DAY ".html", "regrets", 0);
	snprintf(path, sizeof(path), "%s/tea@rooms.x/" DAY ".html", f->path);
	assert_int_equal(chmod(path, 0644), 0);
	take_back(f, TIME, "bob", "<secret>\nof two lines");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "of two lines", 0);
	expect_file(f, "tea@rooms.x/" DAY ".html", "of two lines", 0);
	expect_file(f, "tea@rooms.x/" DAY ".txt", "         08:00:01 <bob> <secret>\n", 1);
	expect_file(f, "tea@rooms.x/" DAY ".txt", "08:00:01 * bob said something that was taken back\n", 2);
	expect_file(f, "tea@rooms.x/" DAY ".html", "<b>bob</b> said something that was taken back</p>\n", 2);
	expect_file(f, "tea@rooms.x/" DAY ".txt", "not that", 1);
	expect_file(f, "tea@rooms.x/" DAY ".html", "<!DOCTYPE html>", 1);
	assert_int_equal(stat_of(f, "tea@rooms.x/" DAY ".html").st_mode & 0777, 0644);
	/* Once more, something else, another day, another room: nothing. And the log goes on. */
	take_back(f, TIME, "bob", "<secret>\nof two lines");
	take_back(f, TIME, "eve", "08:00:01 <bob> <secret>");
	take_back(f, TIME + 86400000, "bob", "not that");
	put(f, "tea", TIME + 1000, "bob", "more");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "not that", 1);
	expect_file(f, "tea@rooms.x/" DAY ".txt", "more", 1);
	expect_file(f, "tea@rooms.x/" DAY ".txt", "taken back", 2);
}

/* What one does was told as words before; and what is as it was is taken back once. */
static void test_action_taken_back(void **state)
{
	struct folder *f = *state;

	put(f, "tea", TIME + 1000, "bob", "first");
	write_file(f, "tea@rooms.x/" DAY ".txt", "08:00:01 <bob> /me waves\n");
	write_file(f, "tea@rooms.x/" DAY ".html",
		"<p>" STAMP " <b>bob</b> /me waves</p>\n<p>" STAMP " <b>bob</b> twice</p>\n<p>" STAMP
		" <b>bob</b> twice</p>\n");
	take_back(f, TIME, "bob", "/me waves");
	take_back(f, TIME, "bob", "twice");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "waves", 0);
	expect_file(f, "tea@rooms.x/" DAY ".html", "waves", 0);
	expect_file(f, "tea@rooms.x/" DAY ".html", "twice", 1);
}

static void test_too_long(void **state)
{
	struct folder *f = *state;
	size_t n = 600000;
	char *text = xcalloc(1, n + 1);

	memset(text, '&', n);
	put(f, "tea", TIME, "bob", text);
	put(f, "tea", TIME + 1000, "bob", "more");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "08:00:01 <bob> &&&", 1);
	assert_in_range(stat_of(f, "tea@rooms.x/" DAY ".txt").st_size, n, n + 100);
	expect_file(f, "tea@rooms.x/" DAY ".html", "<b>bob</b> said something that is too long to be shown here</p>",
		1);
	expect_file(f, "tea@rooms.x/" DAY ".html", "more", 1);
	xfree(text);
}

/* Nothing is read or written through a link. */
static void test_taken_back_links(void **state)
{
	struct folder *f = *state;
	char link[400], other[400];

	put(f, "tea", TIME, "bob", "one");
	snprintf(link, sizeof(link), "%s/tea@rooms.x/" DAY ".txt", f->path);
	snprintf(other, sizeof(other), "%s/other", f->path);
	assert_int_equal(rename(link, other), 0);
	assert_int_equal(symlink(other, link), 0);
	snprintf(other, sizeof(other), "%s/tea@rooms.x/.part", f->path);
	assert_int_equal(symlink("/nowhere/at/all", other), 0);
	take_back(f, TIME, "bob", "one");
	expect_file(f, "other", "<bob> one", 1);
	expect_file(f, "tea@rooms.x/" DAY ".html", "taken back", 1);
}

static void test_files(void **state)
{
	struct folder *f = *state;

	put(f, "tea", TIME, "bob", "one");
	put(f, "tea", TIME + 1000, "bob", "two");
	put(f, "tea", TIME + 86400000, "bob", "tomorrow");
	put(f, "coffee", TIME, "eve", "<script>");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "08:00:0", 2);
	expect_file(f, "tea@rooms.x/" DAY ".html", "<!DOCTYPE html>", 1);
	expect_file(f, "tea@rooms.x/" DAY ".html", "<p>", 2);
	expect_file(f, "tea@rooms.x/2027-01-16.txt", "tomorrow", 1);
	expect_file(f, "coffee@rooms.x/" DAY ".html", "<script>", 0);
	/* The rights are those of the folder. */
	assert_int_equal(stat_of(f, "tea@rooms.x").st_mode & 0777, 0700);
	assert_int_equal(stat_of(f, "tea@rooms.x/" DAY ".txt").st_mode & 0777, 0600);
	assert_int_equal(chmod(f->path, 0755), 0);
	put(f, "open", TIME, "bob", "one");
	assert_int_equal(stat_of(f, "open@rooms.x").st_mode & 0777, 0755);
	assert_int_equal(stat_of(f, "open@rooms.x/" DAY ".html").st_mode & 0777, 0644);
}

/* What lies in the way is left alone; and when it is gone, the log goes on. */
static void test_obstacles(void **state)
{
	struct folder *f = *state;
	char path[400], target[400];

	snprintf(path, sizeof(path), "%s/tea@rooms.x", f->path);
	snprintf(target, sizeof(target), "%s/elsewhere", f->path);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, path), 0);
	put(f, "tea", TIME, "bob", "one");
	assert_int_equal(rmdir(target), 0); /* nothing was written there */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/tea@rooms.x/" DAY ".txt", f->path);
	assert_int_equal(symlink(target, path), 0);
	put(f, "tea", TIME, "bob", "two");
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(unlink(path), 0);
	put(f, "tea", TIME, "bob", "three");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "three", 1);
	expect_file(f, "tea@rooms.x/" DAY ".txt", "two", 0);
}

/* What is not committed is not in the log: the store writes it when it has. */
static void test_committed(void **state)
{
	struct folder *f = *state;
	struct rig r;

	rig_init(&r);
	rig_open(&r);
	db_set_logs(r.db, f->path);
	add_batch(&r.in, 1,
		BATCH(STORE_ROOM_LOG, STR("rooms.x"), STR("tea"), (int64_t)TIME, STR("bob"), STR_NONE, STR("one")));
	rig_expect(&r, "committed 1\n");
	expect_file(f, "tea@rooms.x/" DAY ".txt", "<bob> one", 1);
	rig_clear(&r);
}

#define FILES(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_long_link),
		FILES(test_days),
		FILES(test_expired),
		FILES(test_expired_others),
		FILES(test_expired_slowly),
		FILES(test_link_taken_back),
		FILES(test_files),
		FILES(test_taken_back),
		FILES(test_taken_back_links),
		FILES(test_action_taken_back),
		FILES(test_too_long),
		FILES(test_obstacles),
		FILES(test_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
