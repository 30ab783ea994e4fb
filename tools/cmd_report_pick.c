// SPDX-License-Identifier: Apache-2.0
/* Which items a report is about: those named, those of a case, or all. */
#include "tools/cmd_report.h"

#include <stdlib.h>
#include <string.h>

#include "fs/request_pick.h"
#include "tools/cmd_merge.h"

static int by_node_and_item(const void *a, const void *b)
{
	const struct cmd_report_pick *x = a, *y = b;
	int c = memcmp(x->item, y->item, 16);

	return c ? c : memcmp(x->node, y->node, 16);
}

static int by_path(const void *a, const void *b)
{
	const struct cmd_report_pick *x = a, *y = b;
	int c = strcmp(x->path ? x->path : "", y->path ? y->path : "");

	return c ? c : by_node_and_item(a, b);
}

static int add(struct cmd_report *r, const uint8_t item[16], const uint8_t *node, struct err *e)
{
	struct cmd_report_picks *p = &r->picks;
	struct cmd_report_pick *k;

	/* A folder may be named that holds another one that is. */
	if (p->n >= 4 * REPORT_ITEMS_MAX)
		return err_set(e, ERR_USAGE,
			       "that is more than the %u items a report may have: name items or "
			       "folders, or a case",
			       REPORT_ITEMS_MAX);
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;

		k = reallocarray(p->list, cap, sizeof(*k));
		if (!k)
			return err_set(e, ERR_NOMEM, "out of memory");
		p->list = k;
		p->cap = cap;
	}
	k = &p->list[p->n++];
	*k = (struct cmd_report_pick){.has_node = node != NULL};
	memcpy(k->item, item, 16);
	if (node)
		memcpy(k->node, node, 16);
	return 0;
}

void cmd_report_picks_free(struct cmd_report_picks *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].path);
	free(p->list);
	*p = (struct cmd_report_picks){0};
}

/* ---- named ones ---- */

/* By the index: paths, folders and ids. */
static int pick_paths(struct cmd_report *r, struct err *e)
{
	struct station *s = r->view.station;
	struct request_picks picks = {0};
	struct db_txn *t = NULL;
	int rc = db_begin(&t, s->db, false, e);

	for (int i = 0; rc == 0 && i < r->names; i++)
		rc = request_pick_path(&picks, t, db_name_key(s->db), r->name[i], e);
	db_abort(t);
	if (rc == 0)
		request_pick_finish(&picks);
	for (size_t i = 0; rc == 0 && i < picks.n; i++)
		rc = add(r, picks.list[i].item, picks.list[i].node, e);
	free(picks.list);
	return rc;
}

/* Without names: ids. Whether there is such an item its receipt tells. */
static int pick_ids(struct cmd_report *r, struct err *e)
{
	uint8_t item[16];
	int rc = 0;

	for (int i = 0; rc == 0 && i < r->names; i++) {
		const char *name = r->name[i];

		if (!text_unhex((struct text_span){name, strlen(name)}, item, 16))
			return err_set(
				e, ERR_USAGE,
				"%s is no item id: without a reader node names are not known",
				name);
		rc = add(r, item, NULL, e);
	}
	return rc;
}

/* ---- by the logs: those of a case, or all ---- */

static bool covers(const struct cmd_report *r, const struct event *ev)
{
	for (size_t i = 0; i < r->grants; i++) {
		const struct authorisation *a = &r->grant[i].terms;

		for (size_t k = 0; k < a->accessions; k++)
			if (memcmp(a->accession[k], ev->accession, 16) == 0)
				return true;
		for (size_t k = 0; k < a->items; k++)
			if (memcmp(a->item[k].id, ev->item, 16) == 0 &&
			    memcmp(a->item[k].commitment, ev->commitment, 32) == 0)
				return true;
	}
	return false;
}

static int pick_logged(struct cmd_report *r, struct err *e)
{
	struct station *s = r->view.station;
	const struct cmd_merge_line *l;
	struct cmd_notice notice = {ui_notice, r->ui, 0};
	struct cmd_ask ask = CMD_ASK_ALL;
	struct cmd_merge *m;
	int rc;

	ask.types = ask.type[EVENT_INGEST] = true;
	rc = cmd_merge_open(&m, r->view.archive, r->view.roster, s ? s->db : NULL, &ask, e);
	while (rc == 0 && (l = cmd_merge_next(m, &notice))) {
		if (l->ev.type == EVENT_INGEST && (!r->case_no || covers(r, &l->ev)))
			rc = add(r, l->ev.item, l->node, e);
	}
	if (rc == 0)
		rc = cmd_merge_failed(m, e);
	cmd_merge_close(m);
	return rc;
}

/* ---- all of them ---- */

/* Their paths, for the order and for those whose record can't be proved. */
static int find_paths(struct cmd_report *r, struct err *e)
{
	struct station *s = r->view.station;
	struct db_txn *t = NULL;
	int rc = r->reader ? db_begin(&t, s->db, false, e) : 0;

	for (size_t i = 0; rc == 0 && r->reader && i < r->picks.n; i++) {
		struct cmd_report_pick *k = &r->picks.list[i];
		struct wire_out path = {0};
		struct object o;

		rc = object_get_item(t, k->node, k->item, &o, NULL, e);
		if (rc == 0)
			rc = object_path(t, &o, &path, e);
		wire_out_u8(&path, 0);
		if (rc == 0 && !wire_out_ok(&path))
			rc = err_set(e, ERR_NOMEM, "out of memory");
		if (rc == 0)
			k->path = (char *)path.p;
		else
			wire_out_free(&path);
		/* One whose head could not be read has no name here. */
		if (rc == ERR_NOTFOUND)
			rc = 0;
	}
	db_abort(t);
	return rc;
}

static void drop_twins(struct cmd_report_picks *p)
{
	size_t n = 0;

	if (p->n)
		qsort(p->list, p->n, sizeof(*p->list), by_node_and_item);
	for (size_t i = 0; i < p->n; i++) {
		if (n == 0 || by_node_and_item(&p->list[n - 1], &p->list[i]) != 0)
			p->list[n++] = p->list[i];
	}
	p->n = n;
}

int cmd_report_pick(struct cmd_report *r, struct err *e)
{
	int rc = r->case_no ? cmd_report_find_grants(r, e) : 0;

	if (rc == 0 && r->names)
		rc = r->reader ? pick_paths(r, e) : pick_ids(r, e);
	else if (rc == 0)
		rc = pick_logged(r, e);
	if (rc)
		return rc;
	drop_twins(&r->picks);
	if (r->picks.n > REPORT_ITEMS_MAX)
		return err_set(e, ERR_USAGE,
			       "a report may have %u items, and these are %zu: name items or "
			       "folders, or a case",
			       REPORT_ITEMS_MAX, r->picks.n);
	if (r->picks.n == 0)
		return err_set(e, ERR_NOTFOUND, "there is no item to report about");
	rc = find_paths(r, e);
	if (rc == 0)
		qsort(r->picks.list, r->picks.n, sizeof(*r->picks.list), by_path);
	return rc;
}
