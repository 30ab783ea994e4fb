// SPDX-License-Identifier: Apache-2.0
/* Opening a node at its archive, and finding things there, for all verbs. */
#include "tools/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "index/object_claim.h"

int cmd_open(struct station **out, struct ui *ui, const char *archive, unsigned flags,
	     struct err *e)
{
	const struct station_ask ask = {.archive = archive,
					.node_dir = ui->node,
					.flags = flags,
					.pass = ui_passphrase,
					.pass_ctx = ui,
					.notice = ui_notice,
					.notice_ctx = ui,
					.progress = ui_progress,
					.progress_ctx = ui};
	int rc = station_open(out, &ask, e);

	ui_progress_end(ui);
	return rc;
}

int cmd_close(struct station *s, int rc, struct err *e)
{
	struct err later = {0};
	int closed = s ? station_close(s, &later) : 0;

	if (rc < 0 || closed == 0)
		return rc;
	if (e)
		*e = later;
	return closed;
}

int cmd_need_names(const struct station *s, struct err *e)
{
	if (s->home->roles & ROSTER_READER)
		return 0;
	return err_set(
		e, ERR_ROLE,
		"this node holds no key that opens names: it is enrolled as '%s', and only a "
		"reader sees what the archive holds",
		roster_roles_text(s->home->roles));
}

/* The object as the index has it; `path` has no slash at its ends. A path goes before an id. */
static int resolve(struct station *s, const char *path, struct object *o, struct wire_out *record,
		   struct err *e)
{
	struct db_txn *t = NULL;
	uint8_t item[16];
	int rc = db_begin(&t, s->db, false, e);

	if (rc == 0)
		rc = object_resolve(t, db_name_key(s->db), path, o, e);
	if (rc == ERR_NOTFOUND && text_unhex((struct text_span){path, strlen(path)}, item, 16))
		rc = object_claim_one(t, item, o, NULL, e);
	if (rc == 0 && record && o->kind == OBJECT_ITEM)
		rc = object_get(t, o->ino, o, record, e);
	db_abort(t);
	return rc;
}

int cmd_find(struct station *s, const char *path, struct object *o, struct wire_out *record,
	     struct err *e)
{
	size_t n;
	char *clean;
	int rc;

	while (*path == '/')
		path++;
	n = strlen(path);
	while (n > 0 && path[n - 1] == '/')
		n--;
	clean = text_dup(path, n);
	if (!clean)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = resolve(s, clean, o, record, e);
	if (rc == ERR_NOTFOUND)
		err_set(e, rc, "%s: there is no such item or folder; 'custody ls' lists them",
			path);
	free(clean);
	return rc;
}

int cmd_path(struct station *s, const struct object *o, struct wire_out *path, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, s->db, false, e);

	if (rc == 0)
		rc = object_path(t, o, path, e);
	db_abort(t);
	wire_out_u8(path, 0);
	return rc == 0 && !wire_out_ok(path) ? err_set(e, ERR_NOMEM, "out of memory") : rc;
}

int cmd_find_node(const struct roster *r, const char *name, const struct roster_node **out,
		  struct err *e)
{
	const size_t n = strlen(name);
	size_t found = 0;
	char hex[33];

	*out = NULL;
	for (size_t i = 0; i < roster_count(r); i++) {
		const struct roster_node *node = roster_at(r, i);

		text_hex(hex, node->pub.id, 16);
		if (strcmp(name, node->name) != 0 &&
		    (n < 4 || n > 32 || strncmp(name, hex, n) != 0))
			continue;
		*out = node;
		found++;
	}
	if (found == 0)
		return err_set(e, ERR_NOTFOUND, "%s: no enrolled node has this name or id%s", name,
			       n < 4 ? "; of an id, four digits at least are needed" : "");
	if (found > 1)
		return err_set(e, ERR_USAGE, "%s: %zu nodes have this name; give an id", name,
			       found);
	return 0;
}

void cmd_node_name(char out[CMD_NAME_MAX], const struct roster *r, const uint8_t node[16])
{
	const struct roster_node *n = roster_find(r, node);
	unsigned same = 0;
	char hex[9];

	text_hex(hex, node, 4);
	for (size_t i = 0; n && i < roster_count(r); i++)
		same += !strcmp(roster_at(r, i)->name, n->name);
	if (!n)
		snprintf(out, CMD_NAME_MAX, "%s", hex);
	else if (same > 1)
		snprintf(out, CMD_NAME_MAX, "%s/%.4s", n->name, hex);
	else
		snprintf(out, CMD_NAME_MAX, "%s", n->name);
}
