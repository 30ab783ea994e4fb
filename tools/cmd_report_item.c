// SPDX-License-Identifier: Apache-2.0
/* All that is found out about one item: its receipt, what that proves, and its bytes as they are. */
#include "tools/cmd_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

/* Codes that end the report; all others are about the item. */
static bool fatal(int rc)
{
	return rc == ERR_NOMEM || rc == ERR_INDEX;
}

/* Its receipt's bytes. A record that can't be read is left out: the custody stands without it. */
static int make(struct cmd_report_item *it, const struct cmd_report *r, struct wire_out *bytes)
{
	struct receipt_ask ask = {.station = r->reader ? r->view.station : NULL,
				  .archive = r->view.archive,
				  .roster = r->view.roster,
				  .node = it->pick->has_node ? it->pick->node : NULL,
				  .disclose = r->reader && !r->no_names,
				  .notice = ui_notice,
				  .notice_ctx = r->ui};
	int rc;

	memcpy(ask.item, it->pick->item, 16);
	rc = receipt_make(bytes, &ask, &it->sum, &it->why);
	if (rc == 0 || fatal(rc) || !ask.disclose)
		return rc;
	wire_out_wipe(bytes);
	ask.disclose = false;
	it->why = (struct err){0};
	return receipt_make(bytes, &ask, &it->sum, &it->why);
}

static int keep(struct cmd_report_item *it, const struct cmd_report *r, const struct wire_out *b,
		struct err *e)
{
	snprintf(it->file, sizeof(it->file), "receipts/%04zu-%s.receipt", it->number, it->id);
	hash_sha256(it->digest, b->p, b->n);
	return r->put(r->put_ctx, it->file, b, e);
}

static int look(struct cmd_report_item *it, const struct cmd_report *r, struct err *e)
{
	int rc = cmd_check_arrange(&it->check, it->r, e);

	for (size_t i = 0; rc == 0 && !it->taken_in && i < it->r->events; i++) {
		if (!receipt_is_ingest(it->r, i))
			continue;
		receipt_event(it->r, i, &it->ingest);
		it->taken_in = true;
		frame_digest_now(&it->now, r->view.archive, &it->ingest);
	}
	return rc;
}

static void judge(struct cmd_report_item *it, int verdict)
{
	/* That no checkpoint covers it yet, or who took it in can't be told apart, is no damage. */
	if (!it->r)
		it->code = err_exit(verdict) == 4 ? ERR_DAMAGED : ERR_UNSUPPORTED;
	else if (it->r->damaged || !it->taken_in || it->now.code == ERR_DAMAGED)
		it->code = ERR_DAMAGED;
	else if (it->r->unchecked || it->now.code)
		it->code = ERR_UNSUPPORTED;
}

int cmd_report_item_open(struct cmd_report_item *it, struct cmd_report *r, size_t number,
			 struct err *e)
{
	struct wire_out bytes = {0};
	int rc, made;

	*it = (struct cmd_report_item){.pick = &r->picks.list[number], .number = number + 1};
	text_hex(it->id, it->pick->item, 16);
	rc = made = make(it, r, &bytes);
	if (made == 0) {
		it->r = calloc(1, sizeof(*it->r));
		rc = it->r ? receipt_parse(it->r, bytes.p, bytes.n, e) :
			     err_set(e, ERR_NOMEM, "out of memory");
	}
	if (rc == 0)
		rc = receipt_check(it->r, NULL, 0, e) == ERR_NOMEM ? ERR_NOMEM : 0;
	it->check.r = it->r;
	if (rc == 0)
		rc = keep(it, r, &bytes, e);
	if (rc == 0)
		rc = look(it, r, e);
	wire_out_wipe(&bytes);
	if (made && (fatal(made) || (made == ERR_NOTFOUND && r->names))) {
		*e = it->why;
		return made;
	}
	judge(it, made);
	return made ? 0 : rc;
}

void cmd_report_item_close(struct cmd_report_item *it)
{
	if (it->r)
		receipt_free(it->r);
	free(it->r);
	free(it->check.event);
	secret_wipe(&it->check, sizeof(it->check));
	*it = (struct cmd_report_item){0};
}

struct text_span cmd_report_item_name(const struct cmd_report *r, const struct cmd_report_item *it)
{
	const char *name = *it->check.path ? it->check.path : it->pick->path;

	if (r->no_names || !name)
		name = "";
	return (struct text_span){name, strlen(name)};
}

size_t cmd_report_item_count(const struct cmd_report_item *it, enum event_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < it->check.events; i++)
		n += it->r->event[it->check.event[i].number].type == type;
	return n;
}
