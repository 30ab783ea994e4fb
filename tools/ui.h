/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui: what all programs share at their edge: messages, --json, passphrases, progress, times.
 * Results go to stdout, talk to stderr. Names in output have their control bytes shown as \xNN, so
 * that evidence names can't drive a terminal.
 */
#ifndef CUSTODY_TOOLS_UI_H
#define CUSTODY_TOOLS_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "crypto/err.h"
#include "crypto/text.h"

/* Options that every verb knows; ui_common() takes them from the command line. */
struct ui {
	const char *program; /* "custody ingest", for messages */
	const char *node;    /* --node DIR */
	bool json, quiet;
	bool json_asked;       /* --json stands somewhere on the command line, read or not */
	bool force;	       /* --force: -o replaces any file */
	bool no_passphrase;    /* --no-passphrase: raw keys */
	const char *pass_file; /* --passphrase-file F */
	int pass_fd;	       /* --passphrase-fd N, -1: none */
	int64_t progress_ms;   /* last progress line */
	int64_t progress_start;
	bool progress_on;
	bool progress_bytes; /* what is counted is bytes */
};
void ui_init(struct ui *ui, const char *program);
/* Take one common option: `opt` is the value getopt_long gave (see UI_OPTIONS). False if it is not
 * a common one. */
#define UI_OPT_NODE 1001
#define UI_OPT_JSON 1002
#define UI_OPT_QUIET 'q'
#define UI_OPT_NO_PASS 1003
#define UI_OPT_PASS_FILE 1004
#define UI_OPT_PASS_FD 1005
#define UI_OPT_FORCE 1006
#define UI_OPT_HELP 'h'
#define UI_OPT_VERSION 'V'
/* Entries for a struct option array. */
#define UI_OPTIONS                                                                            \
	{"node", 1, NULL, UI_OPT_NODE}, {"json", 0, NULL, UI_OPT_JSON},                       \
		{"quiet", 0, NULL, UI_OPT_QUIET}, {"no-passphrase", 0, NULL, UI_OPT_NO_PASS}, \
		{"passphrase-file", 1, NULL, UI_OPT_PASS_FILE},                               \
		{"passphrase-fd", 1, NULL, UI_OPT_PASS_FD}, {"force", 0, NULL, UI_OPT_FORCE}, \
		{"help", 0, NULL, UI_OPT_HELP},                                               \
	{                                                                                     \
		"version", 0, NULL, UI_OPT_VERSION                                            \
	}
bool ui_common(struct ui *ui, int opt, const char *arg, const char *help, int *exit_code);

/* "program: sentence" on stderr (or {"error":...} with --json on stdout too); returns the exit
 * code of rc. */
int ui_fail(const struct ui *ui, int rc, const struct err *e);
/* The same for a wrong command line, one line of text; returns 2. */
__attribute__((format(printf, 2, 3))) int ui_usage(const struct ui *ui, const char *fmt, ...);
/* Talk, unless --quiet. */
__attribute__((format(printf, 2, 3))) void ui_say(const struct ui *ui, const char *fmt, ...);
/* For callbacks: ctx is a struct ui. */
void ui_notice(void *ctx, const char *sentence);
void ui_ignore(void *ctx, const char *sentence); /* says nothing */
void ui_progress(void *ctx, uint64_t done, uint64_t total);
/* Take the progress line away, before results are printed. */
void ui_progress_end(const struct ui *ui);

/* A node_passphrase (fs/node.h): file, fd, systemd credential "custodyfs.passphrase", the terminal
 * without echo; where there is none, a desktop's pinentry, or in a unit systemd-ask-password(1). ctx is a struct ui. ERR_PASSPHRASE, with a sentence. */
long ui_passphrase(void *ctx, const char *what, bool confirm, char *buf, size_t cap, struct err *e);

/* Write bytes with control characters, DEL, and what turns the direction of writing as \xNN; other
 * valid UTF-8 is kept. To stdout, or to f. */
void ui_put_name(const void *p, size_t n);
void ui_fput_name(FILE *f, const void *p, size_t n);
/* The same line by line: LF stands. */
void ui_put_text(const void *p, size_t n);
/* The same as a JSON string, quotes included. */
void ui_put_json(const void *p, size_t n);
/* "2.1 MB" style, 1000-based. out has 16 bytes. */
void ui_bytes(char out[16], uint64_t n);
/* "s", or nothing for 1. */
const char *ui_s(uint64_t n);
/* Absolute "2026-11-23T07:10:00Z", or "+90s", "+30m", "+2h", "+3d" from now; "-2h" is two hours
 * ago. ERR_USAGE. */
int ui_time(const char *s, int64_t now_ms, int64_t *out, struct err *e);
int64_t ui_now(void);
/* Name of the user who runs this, and "user@host". */
void ui_user(char *out, size_t cap);
void ui_user_host(char *out, size_t cap);
/* Could a result be written to path, and may it be? To be asked before work that is not to be done
 * in vain, or leaves traces. ERR_EXISTS: what is there is not replaced: no regular file, or (unless
 * --force) none that the programs write. ERR_SYSTEM: the folder is not there, or not ours to write
 * to. */
int ui_check_output(const struct ui *ui, const char *path, struct err *e);
/* Write a result file (0644): new or replaced whole; "-" is stdout. */
int ui_write_file(const char *path, const void *p, size_t n, struct err *e);

#endif
