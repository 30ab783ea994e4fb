// SPDX-License-Identifier: Apache-2.0
/* Which items custody restore is asked for. */
#include "tools/cmd_restore.h"

#include <stdlib.h>
#include <string.h>

#include "fs/backup_pick.h"
#include "tools/cmd.h"

void cmd_restore_scope_free(struct cmd_restore_scope *s)
{
	free(s->accession.p);
	free(s->item.p);
	free(s->collection.p);
}

bool cmd_restore_some(const struct cmd_restore_scope *s)
{
	return s->accession.n + s->item.n + s->collection.n > 0;
}

/* One pick a value. True if it is a name. */
static bool add(struct backup_pick *p, enum backup_pick_kind kind, const char *value)
{
	*p = (struct backup_pick){.kind = kind};
	if (kind != BACKUP_PICK_COLLECTION &&
	    text_unhex((struct text_span){value, strlen(value)}, p->id, 16))
		return false;
	if (kind == BACKUP_PICK_ITEM)
		p->kind = BACKUP_PICK_PATH;
	while (*value == '/')
		value++;
	p->name = value;
	return true;
}

static int check_found(const struct backup_pick *p, size_t n, struct err *e)
{
	char id[33];

	for (size_t i = 0; i < n; i++) {
		text_hex(id, p[i].id, 16);
		if (p[i].found == 0)
			return err_set(e, ERR_NOTFOUND, "the backup has nothing of '%s'",
				       p[i].name ? p[i].name : id);
	}
	return 0;
}

int cmd_restore_find(const struct cmd_restore_scope *s, struct ui *ui, const struct archive *a,
		     const char *path, uint8_t (**segment)[16], size_t *n, struct err *e)
{
	const size_t count = s->accession.n + s->item.n + s->collection.n;
	struct backup_pick *pick = calloc(count + 1, sizeof(*pick));
	struct station *st = NULL;
	bool names = false;
	size_t k = 0;
	int rc = pick ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	for (size_t i = 0; rc == 0 && i < s->accession.n; i++)
		names |= add(&pick[k++], BACKUP_PICK_ACCESSION, s->accession.p[i]);
	for (size_t i = 0; rc == 0 && i < s->item.n; i++)
		names |= add(&pick[k++], BACKUP_PICK_ITEM, s->item.p[i]);
	for (size_t i = 0; rc == 0 && i < s->collection.n; i++)
		names |= add(&pick[k++], BACKUP_PICK_COLLECTION, s->collection.p[i]);
	if (rc == 0 && names)
		rc = cmd_open(&st, ui, path, STATION_NO_JOURNAL | STATION_LOOK_BACK, e);
	if (rc == 0 && names)
		rc = cmd_need_names(st, e);
	if (rc == 0)
		rc = backup_pick_segments(pick, count, a, st, segment, n, e);
	if (rc == 0)
		rc = check_found(pick, count, e);
	free(pick);
	return cmd_close(st, rc, e);
}
