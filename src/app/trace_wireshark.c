#include "app/trace_wireshark.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/config.h"
#include "app/extcap.h"
#include "app/links.h"
#include "app/trace_i.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "trace/install.h"
#include "trace/open.h"
#include "tui/filter.h"

struct args {
	const char *file, *peer, *card, *data, *filter, *frame;
	bool live, stanzas, folder, json;
};

static void complain(const char *action, const struct buf *why)
{
	CLEANUP(buf_clear) struct buf line = {.max = 16384};

	filter_line(&line, buf_view(why));
	fprintf(stderr, "wireside: trace %s: %s\n", action, buf_cstr(&line));
}

/* ---- open ---- */

/* Said here and now, not in a window of Wireshark's, which would stand there without a capture. */
static bool can_live(const struct args *a, const char *folder, struct buf *why)
{
	struct links *links = xcalloc(1, sizeof(*links));
	int err = links_ask(links, folder, a->peer, why);

	xfree(links);
	return err == 0;
}

static void put_setting(struct buf *out, bool stanzas, const char *name, const char *value)
{
	buf_fmt(out, "extcap.%s.%s:%s", stanzas ? "wireside_stanzas" : "wireside_links", name, value);
}

static int run_live(const struct args *a, struct open_what *what, struct buf *ret_folder, struct buf *why)
{
	struct buf texts[3] = {{.max = 8192}, {.max = 1024}, {.max = 1024}};
	const struct {
		const char *name, *value;
	} of[] = {{"data", a->data}, {"peer", a->peer}, {"card", a->stanzas ? NULL : a->card}};
	char *folder = a->data ? xstrdup(a->data) : config_default_data(CONFIG_NODE);
	const char *settings[4] = {NULL};
	int err = ERR_NOTFOUND;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		if (!of[i].value)
			continue;
		put_setting(&texts[i], a->stanzas, of[i].name, of[i].value);
		settings[n++] = buf_cstr(&texts[i]);
	}
	what->live = a->stanzas ? EXTCAP_STANZAS : EXTCAP_LINKS;
	what->settings = settings;
	if (can_live(a, folder, why))
		err = open_window(what, ret_folder, why);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		buf_clear(&texts[i]);
	xfree(folder);
	return err;
}

static int run_open(const struct args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192}, folder = {.max = 4096};
	struct open_what what = {.file = a->file, .filter = a->filter, .frame = a->frame, .folder_only = a->folder};
	int err;

	if (!!a->file + a->live + a->folder != 1) {
		fputs("wireside: trace open: FILE, --live or --folder\n", stderr);
		return 2;
	}
	if (a->file && !trace_is_capture(a->file, &why)) {
		complain("open", &why);
		return 1;
	}
	umask(077);
	err = a->live ? run_live(a, &what, &folder, &why) : open_window(&what, &folder, &why);
	if (err)
		complain("open", &why);
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

static int run_install(const struct args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct told told = {.json = a->json};
	int err;

	fputs(a->json ? "[" : "", stdout);
	err = install_put(on_file, &told, &why);
	fputs(a->json ? "\n]\n" : "", stdout);
	if (err)
		complain("install", &why);
	else if (!a->json)
		puts("In Wireshark: the profile \"" INSTALL_PROFILE
		     "\" (Edit, Configuration Profiles), and two interfaces to capture from, \"Wireside: ...\". `wireside trace\n"
		     "uninstall` takes all of it away again. If this program is moved, install again.");
	return err ? 1 : 0;
}

static int run_uninstall(const struct args *a)
{
	CLEANUP(buf_clear) struct buf why = {.max = 8192};
	struct told told = {.json = a->json};
	int err;

	fputs(a->json ? "[" : "", stdout);
	err = install_remove(on_file, &told, &why);
	fputs(a->json ? "\n]\n" : "", stdout);
	if (err == ERR_NOTFOUND) {
		fputs(a->json ? "" : "Nothing is installed.\n", stdout);
		return 0;
	}
	if (err)
		complain("uninstall", &why);
	return err ? 1 : 0;
}

/* ---- words ---- */

static const struct {
	const char *name;
	int (*run)(const struct args *a);
	bool opens, json;
} actions[] = {
	{"open", run_open, true, false},
	{"install", run_install, false, true},
	{"uninstall", run_uninstall, false, true},
};

static bool take_word(struct args *a, char **argv, int *i)
{
	const struct {
		const char *name;
		bool *flag;
		const char **text;
	} words[] = {
		{"--live", &a->live, NULL},
		{"--stanzas", &a->stanzas, NULL},
		{"--folder", &a->folder, NULL},
		{"--json", &a->json, NULL},
		{"--peer", NULL, &a->peer},
		{"--data", NULL, &a->data},
		{"-i", NULL, &a->card},
		{"-Y", NULL, &a->filter},
		{"--frame", NULL, &a->frame},
	};

	for (size_t k = 0; k < ARRAY_LEN(words); k++) {
		if (strcmp(argv[*i], words[k].name) != 0)
			continue;
		if (words[k].flag)
			*words[k].flag = true;
		else if (!argv[*i + 1])
			return false;
		else
			*words[k].text = argv[++*i];
		return true;
	}
	if (argv[*i][0] == '-' || a->file)
		return false;
	a->file = argv[*i];
	return true;
}

int trace_wireshark(int argc, char **argv)
{
	struct args a = {0};
	size_t k = 0;

	while (k < ARRAY_LEN(actions) && strcmp(argv[0], actions[k].name) != 0)
		k++;
	if (k == ARRAY_LEN(actions))
		return -1;
	for (int i = 1; i < argc; i++)
		if (!take_word(&a, argv, &i)) {
			fprintf(stderr, "wireside: trace %s: '%s' is not understood\nSee `wireside trace --help`.\n",
				actions[k].name, argv[i]);
			return 2;
		}
	if ((a.json && !actions[k].json) ||
		(!actions[k].opens &&
			(a.file || a.live || a.stanzas || a.folder || a.peer || a.data || a.card || a.filter ||
				a.frame))) {
		fprintf(stderr, "wireside: trace %s: that does not belong here\nSee `wireside trace --help`.\n",
			actions[k].name);
		return 2;
	}
	return actions[k].run(&a);
}
