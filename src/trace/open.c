#include "trace/open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "trace/child.h"
#include "trace/folder.h"
#include "trace/tshark.h"

enum { SETTINGS_MAX = 8, ARGS_MAX = 12 + 2 * SETTINGS_MAX };

static const struct {
	const char *name;
	bool first; /* where Wireshark begins, and keeps what its user likes: only if it is not there */
} ours[] = {
	{"init.lua", false},
	{"wireside.lua", false},
	{"preferences", false},
	{"colorfilters", false},
	{"dfilter_buttons", false},
	{"io_graphs", false},
	{"recent", true},
	{"recent_common", true},
};

/* ---- the folder ---- */

static int copy(const char *from, const char *to, const char *name, bool first)
{
	CLEANUP(buf_clear) struct buf text = {.max = FOLDER_FILE_MAX};
	char path[FOLDER_PATH + 100];
	int err;

	snprintf(path, sizeof(path), "%.4095s/%s", to, name);
	if (first && access(path, F_OK) == 0)
		return 0;
	snprintf(path, sizeof(path), "%.4095s/%s", from, name);
	err = folder_read(path, &text);
	snprintf(path, sizeof(path), "%.4095s/%s", to, name);
	return err ? ERR_IO : folder_write(path, buf_view(&text));
}

/* This program, under the name by which Wireshark lists it. */
static int link_program(const char *folder)
{
	char program[FOLDER_PATH], path[FOLDER_PATH + 100];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (n <= 0)
		return ERR_IO;
	program[n] = '\0';
	snprintf(path, sizeof(path), "%.4000s/wireside", folder);
	if (unlink(path) != 0 && errno != ENOENT)
		return ERR_IO;
	return symlink(program, path) == 0 ? 0 : ERR_IO;
}

static int fill(const char *folder, const char *programs, struct buf *why)
{
	CLEANUP(buf_clear) struct buf share = {.max = FOLDER_PATH};
	int err;

	if (!tshark_share(&share)) {
		buf_z(why, "the folder with wireside.lua is missing; WIRESIDE_SHARE names it");
		return ERR_NOTFOUND;
	}
	err = folder_make(folder, 0700, NULL, NULL);
	for (size_t i = 0; !err && i < ARRAY_LEN(ours); i++)
		err = copy(buf_cstr(&share), folder, ours[i].name, ours[i].first);
	if (!err)
		err = folder_make(programs, 0700, NULL, NULL);
	if (!err)
		err = link_program(programs);
	if (err)
		buf_fmt(why, "%s: %s", folder, err == ERR_DENIED ? "others may write there" : strerror(errno));
	return err;
}

/* ---- starting ---- */

/* Wireshark captures through dumpcap alone, whoever makes the packets. */
static bool may_capture(struct buf *why)
{
	const char *argv[] = {"dumpcap", "-v", NULL};
	int out, err, status;
	pid_t pid;

	status = child_spawn(argv, NULL, &out, &err, &pid);
	if (status == 0) {
		close(out);
		close(err);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return true;
	}
	buf_z(why,
		"Wireshark's dumpcap is not installed or not for you: on Debian let it be used by others than root "
		"(dpkg-reconfigure wireshark-common) and join the group wireshark. A capture in a file can be opened anyway");
	return false;
}

/* Without a screen Qt would abort, with words that help nobody. */
static bool has_display(struct buf *why)
{
	static const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return true;
	}
	buf_z(why,
		"there is no screen to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); `wireside trace FILE` shows "
		"it in the terminal, `wireside trace report FILE -o PAGE.html` makes a page of it");
	return false;
}

static int start(const struct open_what *what, struct buf *why)
{
	const char *argv[ARGS_MAX] = {"wireshark"};
	size_t n = 1;

	if (what->file) {
		argv[n++] = "-r";
		argv[n++] = what->file;
	} else if (what->live) {
		argv[n++] = "-k";
		argv[n++] = "-i";
		argv[n++] = what->live;
	}
	if (what->filter) {
		argv[n++] = "-Y";
		argv[n++] = what->filter;
	}
	if (what->frame) {
		argv[n++] = "-g";
		argv[n++] = what->frame;
	}
	for (size_t i = 0; what->settings && what->settings[i] && i < SETTINGS_MAX; i++) {
		argv[n++] = "-o";
		argv[n++] = what->settings[i];
	}
	execvp(argv[0], (char *const *)argv);
	buf_fmt(why, "wireshark: %s",
		errno == ENOENT ? "not installed; on Debian: apt install wireshark" : strerror(errno));
	return ERR_NOTFOUND;
}

int open_window(const struct open_what *what, struct buf *ret_folder, struct buf *why)
{
	char folder[FOLDER_PATH], programs[FOLDER_PATH + 16];
	int err;

	folder_state(folder, "wireshark");
	snprintf(programs, sizeof(programs), "%s/extcap", folder);
	err = fill(folder, programs, why);
	buf_z(ret_folder, folder);
	if (err || what->folder_only)
		return err;
	if (!has_display(why))
		return ERR_UNSUPPORTED;
	if (what->live && !may_capture(why))
		return ERR_DENIED;
	/* Up to 4.0 Wireshark looks for such programs in its configuration folder, later in places of its own. */
	setenv("WIRESHARK_CONFIG_DIR", folder, 1);
	setenv("WIRESHARK_EXTCAP_DIR", programs, 1);
	return start(what, why);
}

int open_wireshark(const char *file, const char *setting, struct buf *why)
{
	CLEANUP(buf_clear) struct buf folder = {.max = FOLDER_PATH};
	const char *settings[] = {setting, NULL};

	return open_window(&(struct open_what){.file = file, .settings = settings}, &folder, why);
}
