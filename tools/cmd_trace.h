/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_trace: files from elsewhere, looked for in the archive by their digest, and what custody trace
 * tells of each.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_TRACE_H
#define CUSTODY_TOOLS_CMD_TRACE_H

#include "tools/cmd_docs.h"

/* A place in the log that may take in what is looked for. */
struct cmd_trace_hit {
	size_t file;
	uint32_t journal;
	uint64_t seq;
};

struct cmd_trace {
	struct ui *ui;
	const char *archive;
	struct cmd_view view; /* with a reader node */
	const char **name;    /* as given: a file's name, or a digest */
	uint8_t (*sha256)[32];
	bool *found, *unsure; /* of each file; unsure: it may be what can't be read */
	size_t files;
	struct cmd_notice notice;
};

/* The items that have the digest of a file, in the order of files. Each was compared with the digest that
 * lies sealed in its frame. ERR_INDEX, ERR_NOMEM; what cb returns. What can't be looked at is told
 * of. */
int cmd_trace_each(struct cmd_trace *t, int (*cb)(void *ctx, size_t file, const struct object *o),
		   void *ctx, struct err *e);
/* All that is known of one: as text, or as one line of JSON. */
int cmd_trace_show(struct cmd_trace *t, size_t file, const struct object *o, struct err *e);
/* cmd_trace_export.c: the exports that an item left with, by what its openings say: a line each, or the
 * elements of a JSON list. */
struct ui_json;
int cmd_trace_exports(struct cmd_trace *t, const uint8_t item[16], struct ui_json *j,
		      struct err *e);
/* What is told of a file that is not here. */
void cmd_trace_show_none(const struct cmd_trace *t, size_t file);

#endif
