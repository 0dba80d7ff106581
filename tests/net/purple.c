/* The library under finch and Pidgin with a script instead of a screen: one account of its Bonjour protocol. The test
 * builds it, with pkg-config purple.
 *
 *   purple FOLDER USER@HOST PORT
 *
 * Reads lines, their parts separated by tabs; "\n" and "\\" stand for themselves in a text:
 *   im WHO TEXT | close WHO | status available|away|idle TEXT | icon PATH | quit
 * Prints one for each event:
 *   ready | error TEXT | on NAME ALIAS | off NAME | status NAME STATUS TEXT | im NAME TEXT | system NAME TEXT
 *   icon NAME SHA-1, or icon NAME none
 * A text is what a user would read: libpurple hands over HTML, whatever came. */
#include <glib.h>
#include <purple.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_CONDITION (G_IO_IN | G_IO_HUP | G_IO_ERR)
#define WRITE_CONDITION (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL)

static PurpleAccount *account;

/* ---- libpurple's loop on GLib's ---- */

struct input {
	PurpleInputFunction call;
	gpointer arg;
};

static gboolean on_input(GIOChannel *channel, GIOCondition condition, gpointer arg)
{
	struct input *input = arg;
	int what = (condition & READ_CONDITION ? PURPLE_INPUT_READ : 0) |
		(condition & WRITE_CONDITION ? PURPLE_INPUT_WRITE : 0);

	input->call(input->arg, g_io_channel_unix_get_fd(channel), (PurpleInputCondition)what);
	return TRUE;
}

static guint add_input(int fd, PurpleInputCondition what, PurpleInputFunction call, gpointer arg)
{
	struct input *input = g_new0(struct input, 1);
	GIOChannel *channel = g_io_channel_unix_new(fd);
	int condition =
		(what & PURPLE_INPUT_READ ? READ_CONDITION : 0) | (what & PURPLE_INPUT_WRITE ? WRITE_CONDITION : 0);
	guint id;

	input->call = call;
	input->arg = arg;
	id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, (GIOCondition)condition, on_input, input, g_free);
	g_io_channel_unref(channel);
	return id;
}

static PurpleEventLoopUiOps loop_ops = {
	.timeout_add = g_timeout_add,
	.timeout_remove = g_source_remove,
	.input_add = add_input,
	.input_remove = g_source_remove,
	.timeout_add_seconds = g_timeout_add_seconds,
};

/* ---- out ---- */

/* As one part of a line. */
static void put(const char *text)
{
	putchar('\t');
	for (; text && *text; text++) {
		if (*text == '\n' || *text == '\\')
			printf("\\%c", *text == '\n' ? 'n' : '\\');
		else
			putchar(*text == '\t' ? ' ' : *text);
	}
}

static void tell(const char *event, const char *name, const char *text)
{
	fputs(event, stdout);
	if (name)
		put(name);
	if (text)
		put(text);
	putchar('\n');
	fflush(stdout);
}

static void tell_html(const char *event, const char *name, const char *html)
{
	char *text = purple_markup_strip_html(html);

	tell(event, name, text);
	g_free(text);
}

static void on_message(PurpleAccount *a, char *sender, char *html, PurpleConversation *c, PurpleMessageFlags flags,
	gpointer arg)
{
	tell_html("im", sender, html);
}

static void on_written(PurpleAccount *a, const char *who, char *html, PurpleConversation *c, PurpleMessageFlags flags)
{
	if (flags & (PURPLE_MESSAGE_SYSTEM | PURPLE_MESSAGE_ERROR))
		tell_html("system", who, html);
}

static void tell_status(PurpleBuddy *b)
{
	PurpleStatus *status = purple_presence_get_active_status(purple_buddy_get_presence(b));
	const char *text = purple_status_get_attr_string(status, "message");

	printf("status");
	put(purple_buddy_get_name(b));
	put(purple_status_get_id(status));
	put(text ? text : "");
	putchar('\n');
	fflush(stdout);
}

static void on_buddy(PurpleBuddy *b, gpointer arg)
{
	tell("on", purple_buddy_get_name(b), purple_buddy_get_alias(b));
	tell_status(b);
}

static void on_buddy_off(PurpleBuddy *b, gpointer arg) { tell("off", purple_buddy_get_name(b), NULL); }
static void on_status(PurpleBuddy *b, PurpleStatus *old, PurpleStatus *now) { tell_status(b); }

static void on_icon(PurpleBuddy *b)
{
	PurpleBuddyIcon *icon = purple_buddy_get_icon(b);
	size_t n = 0;
	const guchar *bytes = icon ? purple_buddy_icon_get_data(icon, &n) : NULL;
	char *hash = bytes ? g_compute_checksum_for_data(G_CHECKSUM_SHA1, bytes, n) : NULL;

	tell("icon", purple_buddy_get_name(b), hash ? hash : "none");
	g_free(hash);
}

static void on_signed_on(PurpleConnection *c) { tell("ready", NULL, NULL); }
static void on_error(PurpleConnection *c, PurpleConnectionError e, const char *text) { tell("error", text, NULL); }

/* ---- in ---- */

static char *unescape(const char *s)
{
	GString *out = g_string_new(NULL);

	for (; *s; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			g_string_append_c(out, *s == 'n' ? '\n' : *s);
		} else {
			g_string_append_c(out, *s);
		}
	}
	return g_string_free(out, FALSE);
}

/* What finch and Pidgin make of typed text: HTML. */
static void say(const char *who, const char *typed)
{
	PurpleConversation *c = purple_find_conversation_with_account(PURPLE_CONV_TYPE_IM, who, account);
	char *text = unescape(typed), *escaped = g_markup_escape_text(text, -1),
	     *html = purple_strreplace(escaped, "\n", "<br>");

	if (!c)
		c = purple_conversation_new(PURPLE_CONV_TYPE_IM, account, who);
	purple_conv_im_send(PURPLE_CONV_IM(c), html);
	g_free(html);
	g_free(escaped);
	g_free(text);
}

static void cmd_close(char **part)
{
	PurpleConversation *c = purple_find_conversation_with_account(PURPLE_CONV_TYPE_IM, part[1], account);

	if (c)
		purple_conversation_destroy(c);
}

static void cmd_status(char **part)
{
	gboolean idle = !strcmp(part[1], "idle");
	char *text = g_markup_escape_text(part[2], -1);

	purple_presence_set_idle(purple_account_get_presence(account), idle, idle ? time(NULL) - 3600 : 0);
	/* Bonjour looks at idleness when the status changes. */
	purple_account_set_status(account, idle ? "available" : part[1], TRUE, "message", text, NULL);
	g_free(text);
}

static void cmd_icon(char **part)
{
	gchar *bytes;
	gsize n;

	if (g_file_get_contents(part[1], &bytes, &n, NULL))
		purple_buddy_icons_set_account_icon(account, (guchar *)bytes, n);
}

static void cmd_im(char **part) { say(part[1], part[2]); }

static void cmd_quit(char **part)
{
	purple_core_quit();
	exit(0);
}

static const struct {
	const char *name;
	guint parts;
	void (*run)(char **part);
} commands[] = {
	{"im", 3, cmd_im},
	{"close", 2, cmd_close},
	{"status", 3, cmd_status},
	{"icon", 2, cmd_icon},
	{"quit", 1, cmd_quit},
};

static void run(char *line)
{
	char **part = g_strsplit(line, "\t", 3);

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		if (part[0] && !strcmp(part[0], commands[i].name) && g_strv_length(part) == commands[i].parts)
			commands[i].run(part);
	g_strfreev(part);
}

static gboolean on_line(GIOChannel *channel, GIOCondition condition, gpointer arg)
{
	char *line = NULL;
	GIOStatus status;

	do {
		status = g_io_channel_read_line(channel, &line, NULL, NULL, NULL);
		if (status == G_IO_STATUS_NORMAL)
			run(g_strdelimit(line, "\r\n", '\0'));
		g_free(line);
		line = NULL;
	} while (status == G_IO_STATUS_NORMAL && g_io_channel_get_buffer_condition(channel) & G_IO_IN);
	if (status == G_IO_STATUS_EOF)
		cmd_quit(NULL);
	return TRUE;
}

/* ---- */

static void connect_signals(void)
{
	static int handle;
	void *conversations = purple_conversations_get_handle(), *buddies = purple_blist_get_handle();
	void *connections = purple_connections_get_handle();

	purple_signal_connect(conversations, "received-im-msg", &handle, PURPLE_CALLBACK(on_message), NULL);
	purple_signal_connect(conversations, "wrote-im-msg", &handle, PURPLE_CALLBACK(on_written), NULL);
	purple_signal_connect(buddies, "buddy-signed-on", &handle, PURPLE_CALLBACK(on_buddy), NULL);
	/* Those whom the user has not put on his list are removed when they go. */
	purple_signal_connect(buddies, "buddy-signed-off", &handle, PURPLE_CALLBACK(on_buddy_off), NULL);
	purple_signal_connect(buddies, "buddy-removed", &handle, PURPLE_CALLBACK(on_buddy_off), NULL);
	purple_signal_connect(buddies, "buddy-status-changed", &handle, PURPLE_CALLBACK(on_status), NULL);
	purple_signal_connect(buddies, "buddy-icon-changed", &handle, PURPLE_CALLBACK(on_icon), NULL);
	purple_signal_connect(connections, "signed-on", &handle, PURPLE_CALLBACK(on_signed_on), NULL);
	purple_signal_connect(connections, "connection-error", &handle, PURPLE_CALLBACK(on_error), NULL);
}

static void sign_on(const char *name, int port)
{
	account = purple_account_new(name, "prpl-bonjour");
	purple_account_set_string(account, "first", "Bob");
	purple_account_set_string(account, "last", "Bravo");
	purple_account_set_int(account, "port", port);
	purple_accounts_add(account);
	purple_account_set_enabled(account, "purple", TRUE);
	purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));
}

int main(int argc, char **argv)
{
	static PurpleCoreUiOps core_ops;
	GIOChannel *input = g_io_channel_unix_new(0);

	if (argc != 4)
		return 2;
	purple_util_set_user_dir(argv[1]);
	purple_debug_set_enabled(getenv("PURPLE_DEBUG") != NULL);
	purple_core_set_ui_ops(&core_ops);
	purple_eventloop_set_ui_ops(&loop_ops);
	if (!purple_core_init("purple"))
		return 1;
	purple_set_blist(purple_blist_new());
	purple_prefs_load();
	connect_signals();
	sign_on(argv[2], atoi(argv[3]));
	g_io_channel_set_encoding(input, NULL, NULL);
	g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_line, NULL);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
