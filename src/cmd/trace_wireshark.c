/* `wireside trace open`, `install` and `uninstall`: the user's Wireshark. */
#include "cmd/trace_i.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "cmd/extcap.h"
#include "cmd/help.h"
#include "cmd/links.h"
#include "cmd/trace_i.h"
#include "trace/dissect.h"
#include "trace/install.h"
#include "trace/open.h"
#include "tui/filter.h"

enum { LOOK_INTO_MAX = 8 << 20 /* bytes */ };

/* ---- open ---- */

/* Said here and now, not in a window of Wireshark's, which would stand there without a capture. */
static bool can_live(const struct trace_args *a, const char *folder, struct buf *why)
{
	struct links *links = xcalloc(1, sizeof(*links));
	int err = links_ask(links, folder, a->capture.peer, why);

	xfree(links);
	return err == 0;
}

static void put_setting(struct buf *out, bool stanzas, const char *name, const char *value)
{
	buf_fmt(out, "extcap.%s.%s:%s", stanzas ? "wireside_stanzas" : "wireside_links", name, value);
}

static int run_live(const struct trace_args *a, struct open_what *what, struct buf *ret_folder, struct buf *why)
{
	const struct capture_options *c = &a->capture;
	struct buf texts[3] = {{.max = 8192}, {.max = 1024}, {.max = 1024}};
	const struct {
		const char *name, *value;
	} of[] = {{"data", c->data}, {"peer", c->peer}, {"card", c->interface}};
	char *folder = c->data ? xstrdup(c->data) : config_default_data(CONFIG_NODE);
	const char *settings[4] = {NULL};
	int err = ERR_NOTFOUND;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		if (!of[i].value)
			continue;
		put_setting(&texts[i], c->stanzas, of[i].name, of[i].value);
		settings[n++] = buf_cstr(&texts[i]);
	}
	what->live = c->stanzas ? EXTCAP_STANZAS : EXTCAP_LINKS;
	what->settings = settings;
	if (can_live(a, folder, why))
		err = open_window(what, ret_folder, why);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		buf_clear(&texts[i]);
	xfree(folder);
	return err;
}

/* Said here and now as well. */
static bool can_read(const struct trace_args *a, struct buf *why)
{
	if (!a->file || access(a->file, R_OK) == 0)
		return true;
	buf_fmt(why, "%s: %s", a->file, strerror(errno));
	return false;
}

/* A file with packets missing is to be read as it came. To know it all of it must be read, and a window is wanted soon. */
static int run_file(const struct trace_args *a, struct open_what *what, struct buf *ret_folder, struct buf *why)
{
	const char *settings[] = {NULL, NULL};
	struct stat st;

	if (a->file && stat(a->file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LOOK_INTO_MAX &&
		dissect_as_it_came(a->file))
		settings[0] = dissect_order(true);
	what->settings = settings;
	return open_window(what, ret_folder, why);
}

int trace_open(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192}, folder = {.max = 4096};
	char frame[16];
	struct open_what what = {.file = a->file,
		.filter = a->filter,
		.frame = a->frame ? frame : NULL,
		.folder_only = a->folder};
	int err = ERR_NOTFOUND;

	if (!!a->file + a->live + a->folder != 1) {
		fputs("wireside: trace open: FILE, --live or --folder\nSee `wireside trace open --help`.\n", stderr);
		return 2;
	}
	snprintf(frame, sizeof(frame), "%u", a->frame);
	umask(077);
	if (can_read(a, &why) && (!a->file || trace_is_capture(a->file, &why)))
		err = a->live ? run_live(a, &what, &folder, &why) : run_file(a, &what, &folder, &why);
	if (err)
		trace_complain(" open", &why);
	else
		puts(buf_cstr(&folder));
	return err ? 1 : 0;
}

/* ---- install, uninstall ---- */

struct told {
	bool json;
	unsigned n, of[INSTALL_RESULTS];
};

static void on_file(void *arg, enum install_result result, const char *path)
{
	CLEANUP(buf_clear) struct buf line = {.max = 65536};
	struct told *t = arg;

	if (t->json) {
		buf_z(&line, t->n ? ",\n  {\"path\": " : "\n  {\"path\": ");
		json_text(&line, str_z(path));
		buf_fmt(&line, ", \"result\": \"%s\"}", install_words[result]);
	} else {
		filter_line(&line, str_z(path));
		buf_fmt(&line, ": %s\n", install_words[result]);
	}
	fputs(buf_cstr(&line), stdout);
	t->n++;
	t->of[result]++;
}

int trace_install(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct told told = {.json = a->forms};
	int err;

	fputs(told.json ? "[" : "", stdout);
	err = install_put(on_file, &told, &why);
	fputs(told.json ? "\n]\n" : "", stdout);
	if (err)
		trace_complain(" install", &why);
	else if (!told.json)
		help_print(
			"In Wireshark: the profile \"" INSTALL_PROFILE
			"\" (Edit, Configuration Profiles), and two interfaces to capture from, \"Wireside: ...\". "
			"`wireside trace uninstall` takes all of it away again. If this program is moved, install again.\n");
	return err ? 1 : 0;
}

int trace_uninstall(const struct trace_args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct told told = {.json = a->forms};
	int err;

	fputs(told.json ? "[" : "", stdout);
	err = install_remove(on_file, &told, &why);
	fputs(told.json ? "\n]\n" : "", stdout);
	if (err == ERR_NOTFOUND) {
		fputs(told.json ? "" : "Nothing is installed.\n", stdout);
		return 0;
	}
	if (err)
		trace_complain(" uninstall", &why);
	return err ? 1 : 0;
}
