/* Private to the files of `wireside trace`: cmd_trace.c has the words, the others what they do. */
#ifndef CMD_TRACE_I_H
#define CMD_TRACE_I_H

#include <stdio.h>

#include "cmd/capture.h"
#include "trace/dissect.h"
#include "trace/tshark.h"

enum { TRACE_VIEW_MAX = 512 << 20, TRACE_PATH_MAX = 4096 };

/* What is to be done, one bit each. */
enum {
	TRACE_LADDER = 1,
	TRACE_WATCH = 2, /* the ladder of a file that grows */
	TRACE_EXPLAIN = 4,
	TRACE_STATS = 8,
	TRACE_REPORT = 16,
	TRACE_FOLLOW = 32,
	TRACE_SAVE = 64,
	TRACE_STRIP = 128,
	TRACE_SHARE = 256,
	TRACE_IMPORT = 512,
	TRACE_CAPTURE = 1024,
	TRACE_LIVE = 2048, /* captures, and shows it */
	TRACE_OPEN = 4096,
	TRACE_INSTALL = 8192,
	TRACE_UNINSTALL = 16384,
	TRACE_FILES = TRACE_SAVE | TRACE_STRIP | TRACE_SHARE | TRACE_IMPORT /* what makes a new capture */
};

/* Forms of a report, as the flags and the ends of files' names have them. */
enum { TRACE_HTML, TRACE_SVG, TRACE_CSV, TRACE_JSON, TRACE_TXT, TRACE_PDML, TRACE_PCAP, TRACE_FORMS };

struct trace_args {
	const char *file, *filter, *into;
	char *scratch; /* into is standard output, and this a folder for what is not finished, from trace_begin() on */
	bool all, secrets, plain;
	bool live, child; /* it goes on; another process of ours shows it */
	bool force;       /* a file that is there is replaced */
	bool exact;       /* of save: what the filter lets through and nothing else */
	bool folder;      /* of Wireshark's configuration: that alone */
	unsigned stream, frame;
	struct capture_options capture;
	/* of export and import */
	const char *format;    /* a name; NULL: not told */
	unsigned forms;        /* of a report or of statistics, 1 << TRACE_HTML and so on */
	bool crlf;             /* line ends as on Windows */
	const char *from, *to; /* ADDRESS:PORT */
	int argc;              /* the words themselves */
	char **argv;
};

/* What went wrong has names of files and words of other programs in it. action: " save". */
void trace_complain(const char *action, const struct buf *why);
/* To standard output, or into the file named with -w. The exit status. */
int trace_write_out(const struct trace_args *a, struct str text);
/* tshark and its like, whose lines go to standard output. The exit status. */
int trace_tshark(const char *const *argv);
int trace_follow(const struct trace_args *a);

/* trace_words.c: argv[1] and what follows. action: one bit, which becomes what the words make of it; name: for people. False:
 * they are not understood, or do not go together, and the user has been told. */
bool trace_words(struct trace_args *a, unsigned *action, const char *name);

/* trace_help.c: of one subcommand; NULL: of all. */
void trace_help(const char *name);
/* Does one of these actions have the option? */
bool trace_has(const char *option, unsigned actions);

/* trace_report.c */
int trace_report(const struct trace_args *a);
/* Into the file, whatever is in it now. ERR_ with a line in why. */
int trace_report_file(const char *file, const char *into, struct buf *why);

/* trace_kind.c: the first bytes of a file, as many as there are; 0 also of what cannot be read. */
size_t trace_head(const char *file, char *ret, size_t most);
/* Is it a file with packets, as far as its beginning tells? False: a line in why. */
bool trace_is_capture(const char *file, struct buf *why);
/* What the file says of packets that were dropped while it was captured: a line appended to why, which may have one. */
void trace_tell_dropped(const char *file, struct buf *why);

/* trace_wireshark.c */
int trace_open(const struct trace_args *a);
int trace_install(const struct trace_args *a);
int trace_uninstall(const struct trace_args *a);

/* trace_save.c */
int trace_save(const struct trace_args *a);

/* trace_files.c */
int trace_strip(const struct trace_args *a);
int trace_import(const struct trace_args *a);
int trace_share(const struct trace_args *a);
/* What kind of file a name, or --format, asks for. */
struct trace_form {
	const char *format; /* as tshark calls it */
	bool packed;        /* with gzip */
};
struct trace_form trace_form_of(const struct trace_args *a);
/* Does a name end so, in capitals or not? */
bool trace_ends_as(struct str name, const char *ending);
/* Plain pcapng: only this kind has secrets in it, and only as it is can be copied block by block. */
bool trace_is_pcapng(const char *file);
/* By tshark, which leaves out names of addresses. filter: NULL: all. */
int trace_convert(const char *from, const char *filter, struct trace_form form, const char *into, struct buf *why);
/* The finished pcapng file `part` becomes what the name asks for, by way of another. Nothing is left of it after an error. */
int trace_into_form(const struct trace_args *a, const char *part, const char *other, struct buf *why);

/* trace_place.c: 0: a view may be written there: nothing is, or an earlier view; else the exit status, and it is told why not. */
int trace_no_place(const struct trace_args *a, const char *into);
/* The same of into, when it is known what is to be written: over another kind of view it is not. */
int trace_other_view(const struct trace_args *a, struct str text);
/* Of a new capture. action: " save". The exit status; 0: nothing would be written over, and its name is none of another kind. */
int trace_is_there(const struct trace_args *a, const char *action);
/* Of a capture that is to be made: its name must be that of a kind which can be written while it is captured. */
int trace_capture_kind(const struct trace_args *a);
/* Before the first file that is not finished: what would end this process waits until none is left, for there may be secrets in it.
 * ERR_ with a line in why. */
int trace_begin(const struct trace_args *a, struct buf *why);
/* There is none any more, nor a folder: now it ends, if it was to. Also where trace_begin() was not called. */
void trace_end(const struct trace_args *a);
/* Where a file that is not finished lies: beside the one that it will be. */
void trace_part(const struct trace_args *a, const char *what, char ret[TRACE_PATH_MAX]);
/* The finished file gets its name, unless somebody else has taken that meanwhile, or goes to standard output. */
int trace_publish(const struct trace_args *a, const char *part, struct buf *why);
/* Packets go there, by way of a folder for what is not finished; room: its name. The exit status. */
int trace_scratch(struct trace_args *a, char room[TRACE_PATH_MAX]);
/* For people: the new file, and where words about it go. */
const char *trace_into_name(const struct trace_args *a);
FILE *trace_said(const struct trace_args *a);

#endif
