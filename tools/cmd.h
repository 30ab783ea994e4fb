/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd: the verbs of custody, one file cmd_<verb>.c each, and what they share.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_H
#define CUSTODY_TOOLS_CMD_H

#include "fs/gate.h"
#include "fs/station.h"
#include "tools/ui.h"

/* argv[0] is the verb's full name; the exit code is returned. */
int cmd_node_init(struct ui *ui, int argc, char **argv);
int cmd_import(struct ui *ui, int argc, char **argv);
int cmd_ingest(struct ui *ui, int argc, char **argv);
int cmd_ls(struct ui *ui, int argc, char **argv);
int cmd_find_verb(struct ui *ui, int argc, char **argv);
int cmd_show(struct ui *ui, int argc, char **argv);
int cmd_why(struct ui *ui, int argc, char **argv);
int cmd_request(struct ui *ui, int argc, char **argv);
int cmd_log(struct ui *ui, int argc, char **argv);
int cmd_impact(struct ui *ui, int argc, char **argv);
int cmd_trace(struct ui *ui, int argc, char **argv);
int cmd_verify(struct ui *ui, int argc, char **argv);
int cmd_prove(struct ui *ui, int argc, char **argv);
int cmd_report(struct ui *ui, int argc, char **argv);
int cmd_check(struct ui *ui, int argc, char **argv);
int cmd_checkpoint(struct ui *ui, int argc, char **argv);
int cmd_reindex(struct ui *ui, int argc, char **argv);
int cmd_transfer(struct ui *ui, int argc, char **argv);
int cmd_backup(struct ui *ui, int argc, char **argv);
int cmd_restore(struct ui *ui, int argc, char **argv);
int cmd_repair(struct ui *ui, int argc, char **argv);
int cmd_export(struct ui *ui, int argc, char **argv);
int cmd_accept(struct ui *ui, int argc, char **argv);
int cmd_status(struct ui *ui, int argc, char **argv);

/* station_open() with the node, passphrase, notices and progress of the command line. */
int cmd_open(struct station **out, struct ui *ui, const char *archive, unsigned flags,
	     struct err *e);
/* Closes; rc is what came before, and wins over a failure of the close. s may be NULL. */
int cmd_close(struct station *s, int rc, struct err *e);
/* ERR_ROLE unless the node can open names. */
int cmd_need_names(const struct station *s, struct err *e);
/* Find "collection/dir/file" (a slash in front or behind is fine), or the item of an id where no
 * such path is. `record` may be NULL. ERR_NOTFOUND names the path. */
int cmd_find(struct station *s, const char *path, struct object *o, struct wire_out *record,
	     struct err *e);
/* Its whole path, NUL-terminated, onto `path`. */
int cmd_path(struct station *s, const struct object *o, struct wire_out *path, struct err *e);
/* A node name, id or the beginning of an id (4 digits at least). ERR_NOTFOUND, ERR_USAGE. */
int cmd_find_node(const struct roster *r, const char *name, const struct roster_node **out,
		  struct err *e);
/* Its name; "name/1f2e" where several nodes have that name; the beginning of the id of one that is
 * not enrolled. */
#define CMD_NAME_MAX (ROSTER_NAME_MAX + 8)
void cmd_node_name(char out[CMD_NAME_MAX], const struct roster *r, const uint8_t node[16]);

/* cmd_view.c: an archive with its node, or without any. */
struct cmd_view {
	struct station *station; /* NULL: no node */
	struct archive *archive;
	struct roster *roster;
	bool owned; /* archive and roster are not the station's */
};
/* The node is used if one is named or the default one belongs to this archive; not if no_node. */
int cmd_view_open(struct cmd_view *v, struct ui *ui, const char *archive, bool no_node,
		  unsigned flags, struct err *e);
int cmd_view_close(struct cmd_view *v, int rc, struct err *e);

/* cmd_gate.c: the gate as seen from a verb. It journals nothing. */
struct cmd_gate {
	struct release_set *releases;
	uint32_t uid;
	int64_t now_ms, last_ms;
};
/* Loads the releases. A release that can't be opened is told of and left out. */
int cmd_gate_open(struct cmd_gate *g, struct station *s, uint32_t uid, struct ui *ui,
		  struct err *e);
/* 0, and *out held (release_drop() it); or why not. out may be NULL. */
int cmd_gate_ask(const struct cmd_gate *g, const struct object *o, struct release **out,
		 uint8_t near[16]);
void cmd_gate_close(struct cmd_gate *g);

/* cmd_digest.c: SHA-256 of an item's plaintext, from its frame's head, for a node that opens names.
 * ERR_DAMAGED, ERR_SYSTEM, ... */
int cmd_digest(uint8_t sha256[32], struct station *s, const struct object *o);

/* cmd_event.c: a line of a journal for people. */
struct cmd_event {
	const struct event *ev;
	const uint8_t *journal; /* node id */
	const char *node;	/* its name */
	const char *path;	/* of the item, NULL if not known */
	const char *heir_of; /* enrolled: the node that was lost and that it replaces; NULL: none */
	bool is_signed;	     /* covered by the journal's checkpoint */
	struct text_span line; /* verbatim */
};
/* One line; the node's name is padded to `width`. */
void cmd_event_print(const struct cmd_event *c, int width);
/* The line's own members, after some of ours; no LF. */
void cmd_event_json(const struct cmd_event *c);

#endif
