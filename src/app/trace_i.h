/* Private to the files of `wireside trace`: cmd_trace.c has the words, the others what they do. */
#ifndef APP_TRACE_I_H
#define APP_TRACE_I_H

#include "app/capture.h"
#include "trace/dissect.h"
#include "trace/tshark.h"

enum { TRACE_VIEW_MAX = 512 << 20 };

struct trace_args {
	const char *file, *filter, *into;
	bool all, secrets, plain;
	bool live, child; /* it goes on; another process of ours shows it */
	unsigned stream;
	const char *data;
	struct capture_options capture;
	/* of export and import */
	const char *format;    /* a name without its dashes; NULL: not told */
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

/* trace_report.c */
int trace_report(const struct trace_args *a);
/* Into the file, whatever is in it now. ERR_ with a line in why. */
int trace_report_file(const char *file, const char *into, struct buf *why);

/* trace_files.c */
int trace_save(const struct trace_args *a);
int trace_import(const struct trace_args *a);
int trace_share(const struct trace_args *a);

#endif
