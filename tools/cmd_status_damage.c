// SPDX-License-Identifier: Apache-2.0
/*
 * What the logs tell of damage, less what they tell was repaired since. A repair replaces a whole item or
 * a whole segment, by the digest that the log has of it, so it settles all damage of that which came before.
 */
#include "tools/cmd_status_damage.h"

#include <stdlib.h>
#include <string.h>

#include "fs/repair.h"
#include "tools/cmd_merge.h"

static const uint8_t none[16];

struct damage {
	uint8_t item[16], segment[16];
	size_t journal;
};

struct tally {
	struct cmd_status *st;
	struct damage *open; /* owned */
	size_t n;
};

static struct cmd_ask ask_for(enum event_type type)
{
	struct cmd_ask ask = CMD_ASK_ALL;

	ask.wary = true;
	ask.types = ask.type[type] = true;
	return ask;
}

/* How many there are: by the index, and what is not indexed yet by itself. */
static int count(const struct cmd_status *st, enum event_type type, const uint8_t *node,
		 uint64_t *n, struct err *e)
{
	struct cmd_notice quiet = {ui_ignore, NULL, 0};
	struct cmd_ask ask = ask_for(type);
	struct cmd_merge *m;
	int rc;

	ask.journal = node;
	*n = 0;
	rc = cmd_merge_open(&m, st->s->archive, st->s->roster, st->s->db, &ask, e);
	if (rc == 0)
		rc = cmd_merge_count(m, &quiet, n, e);
	cmd_merge_close(m);
	return rc;
}

static int add(struct tally *t, const struct cmd_merge_line *l, struct err *e)
{
	struct damage *grown, d = {.journal = 0};

	while (d.journal < t->st->journals &&
	       memcmp(t->st->journal[d.journal].node, l->node, 16) != 0)
		d.journal++;
	if (d.journal == t->st->journals)
		return 0; /* of a log that came just now */
	memcpy(d.item, l->ev.item, 16);
	memcpy(d.segment, l->ev.segment, 16);
	if ((t->n & (t->n - 1)) == 0) { /* a power of two: full */
		grown = reallocarray(t->open, t->n ? 2 * t->n : 1, sizeof(*grown));
		if (!grown)
			return err_set(e, ERR_NOMEM, "out of memory");
		t->open = grown;
	}
	t->open[t->n++] = d;
	return 0;
}

/* May this node have repaired anything? */
static bool may_repair(const struct cmd_status *st, const uint8_t node[16])
{
	const struct roster_node *who = roster_find(st->s->roster, node);

	return who && !who->revoked && (who->roles & ROSTER_READER);
}

/* Not one that was only begun. */
static bool settles(const struct event *repaired, const struct damage *d)
{
	if (strstr(repaired->what, REPAIR_BEGUN))
		return false;
	if (memcmp(repaired->item, none, 16) != 0)
		return memcmp(repaired->item, d->item, 16) == 0;
	if (memcmp(repaired->segment, none, 16) == 0 ||
	    memcmp(repaired->segment, d->segment, 16) != 0)
		return false;
	/* Its header alone, or all of it. */
	return memcmp(d->item, none, 16) == 0 || strcmp(repaired->what, "missing segment") == 0;
}

static void settle(struct tally *t, const struct event *repaired)
{
	size_t left = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (settles(repaired, &t->open[i]))
			t->st->repaired++;
		else
			t->open[left++] = t->open[i];
	}
	t->n = left;
}

static int follow(struct tally *t, struct err *e)
{
	struct cmd_notice quiet = {ui_ignore, NULL, 0};
	struct cmd_ask ask = ask_for(EVENT_DAMAGED);
	const struct cmd_merge_line *l;
	struct cmd_merge *m;
	int rc;

	ask.type[EVENT_REPAIRED] = true;
	rc = cmd_merge_open(&m, t->st->s->archive, t->st->s->roster, t->st->s->db, &ask, e);
	while (rc == 0 && (l = cmd_merge_next(m, &quiet))) {
		if (l->ev.type == EVENT_DAMAGED)
			rc = add(t, l, e);
		else if (may_repair(t->st, l->node))
			settle(t, &l->ev);
	}
	if (rc == 0)
		rc = cmd_merge_failed(m, e);
	cmd_merge_close(m);
	for (size_t i = 0; rc == 0 && i < t->n; i++)
		t->st->journal[t->open[i].journal].damaged++;
	return rc;
}

int cmd_status_damage(struct cmd_status *st, struct err *e)
{
	struct tally t = {.st = st};
	uint64_t repairs;
	int rc = count(st, EVENT_REPAIRED, NULL, &repairs, e);

	if (rc == 0 && repairs > 0) {
		rc = follow(&t, e);
		free(t.open);
	}
	for (size_t i = 0; rc == 0 && i < st->journals; i++) {
		struct cmd_status_journal *j = &st->journal[i];

		if (repairs == 0)
			rc = count(st, EVENT_DAMAGED, j->node, &j->damaged, e);
		st->damaged += j->damaged;
	}
	return rc;
}
