/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_watch: custody ingest --watch.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_WATCH_H
#define CUSTODY_TOOLS_CMD_WATCH_H

#include <getopt.h>

#include "fs/watch.h"
#include "tools/notify.h"
#include "tools/ui.h"
#include "tools/verb.h"

struct cmd_watch {
	struct ui *ui;
	const char *archive;
	struct watch_ask ask; /* spool and ingest are to be filled in, but for the patterns */
	struct verb_list ignore;
	bool verbose; /* files are named in messages */
	bool asked;   /* an option that only --watch has was given */

	/* While it runs. */
	struct notify notify;
	uint64_t wrong;	   /* times a file could not be taken that nobody was told of yet */
	int last_wrong;	   /* code of the last of them */
	int64_t told_ms;   /* when somebody was */
	int64_t status_ms; /* when the service manager was */
};

/* Long options that only --watch has, and --watch itself. */
#define CMD_WATCH_DIR 1101
#define CMD_WATCH_MOVE 1102
#define CMD_WATCH_SETTLE 1103
#define CMD_WATCH_RESCAN 1104
#define CMD_WATCH_IGNORE 1105
#define CMD_WATCH_HIDDEN 1106
#define CMD_WATCH_ITEMS 1107
#define CMD_WATCH_BYTES 1108
#define CMD_WATCH_TIME 1109
#define CMD_WATCH_ONCE 1110
#define CMD_WATCH_VERBOSE 1111
#define CMD_WATCH_OPTIONS                                                                       \
	{"watch", 1, NULL, CMD_WATCH_DIR}, {"move", 0, NULL, CMD_WATCH_MOVE},                   \
		{"settle", 1, NULL, CMD_WATCH_SETTLE}, {"rescan", 1, NULL, CMD_WATCH_RESCAN},   \
		{"ignore", 1, NULL, CMD_WATCH_IGNORE}, {"hidden", 0, NULL, CMD_WATCH_HIDDEN},   \
		{"accession-items", 1, NULL, CMD_WATCH_ITEMS},                                  \
		{"accession-bytes", 1, NULL, CMD_WATCH_BYTES},                                  \
		{"accession-time", 1, NULL, CMD_WATCH_TIME}, {"once", 0, NULL, CMD_WATCH_ONCE}, \
	{                                                                                       \
		"verbose", 0, NULL, CMD_WATCH_VERBOSE                                           \
	}
#define CMD_WATCH_HELP                                                                                  \
	"\n"                                                                                            \
	"Watching a folder, instead of a SOURCE\n"                                                      \
	"      --watch DIR            take in what comes into DIR, until stopped\n"                     \
	"      --move                 remove each file once it is sealed, durable and read back\n"      \
	"      --settle TIME          a file is complete when it has not changed for so long (2s)\n"    \
	"      --rescan TIME          look so often without being told (60s, in network folders 10s)\n" \
	"      --ignore PATTERN       leave such names alone, besides *.part *.partial *.filepart\n"    \
	"                             *.tmp; may be given many times\n"                                 \
	"      --hidden               take in names that begin with a dot\n"                            \
	"      --accession-items N, --accession-bytes N, --accession-time TIME\n"                       \
	"                             when an accession is ended (10000, 4000000000, 5m)\n"             \
	"      --once                 end when all that is there is taken in\n"                         \
	"      --verbose              name files in messages, which may end up in a system's log\n"     \
	"TIME is a number of seconds, or has ms, s, m or h behind it.\n"

/* The defaults. */
void cmd_watch_init(struct cmd_watch *w, struct ui *ui);
/* Takes an option of CMD_WATCH_OPTIONS. 0 or the exit code; -1: it is none of these. */
int cmd_watch_option(struct cmd_watch *w, int opt, const char *arg);
/* Watches until it is stopped; the exit code. */
int cmd_watch_run(struct cmd_watch *w);

#endif
