/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_find: custody find. cmd_find.c reads the command line, cmd_find_lines.c turns accessions,
 * digests and cases into lines of journals, cmd_find_list.c searches, sorts and loads what was found,
 * cmd_find_print.c prints it.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_FIND_H
#define CUSTODY_TOOLS_CMD_FIND_H

#include "index/facts.h"
#include "index/object.h"
#include "index/search.h"
#include "tools/cmd.h"
#include "tools/verb.h"

#define CMD_FIND_DIGESTS 1000u

enum cmd_find_form { CMD_FIND_PATHS, CMD_FIND_LONG, CMD_FIND_NULL, CMD_FIND_JSON, CMD_FIND_COUNT };

/* A set a journal. */
struct cmd_find_lines {
	struct search_lines *list; /* owned, with their sets */
	size_t n;
};

struct cmd_find {
	struct ui *ui;
	struct station *s;
	const char *archive;
	enum cmd_find_form form;
	bool by_path, reverse;
	uint64_t limit; /* 0: all */
	/* What is asked for, as it was given. */
	struct verb_list text[FACTS_TEXTS], plate, region, hit, accession, digest;
	struct search_ask ask;
	struct cmd_find_lines only, cases;
	uint8_t (*sha256)[32]; /* of --digest */
	struct cmd_gate gate;  /* CMD_FIND_JSON alone */
};

/* What was found: loaded, with its path. */
struct cmd_find_item {
	struct object o;
	const struct facts *facts; /* CMD_FIND_LONG and _JSON alone */
	const char *path;
};

/* The lines of what --accession, --digest and --case name, into the ask. */
int cmd_find_lines(struct cmd_find *f, struct err *e);
void cmd_find_lines_free(struct cmd_find_lines *l);
/* Search, and print in order. */
int cmd_find_list(struct cmd_find *f, struct err *e);
/* One item. ERR_SYSTEM when standard output fails. */
int cmd_find_print(struct cmd_find *f, const struct cmd_find_item *it);
int cmd_find_print_count(struct cmd_find *f, uint64_t n);

#endif
