/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "fs/receipt_draft.h"
#include "fs/station.h"

#define TRIES 5

/* The item's ingest among the lines: that of the node that is asked for, or the only one. */
static int find_ingest(struct receipt_draft *d, const uint8_t *node, struct event *ingest,
		       struct err *e)
{
	struct event ev;
	unsigned found = 0;
	char hex[33];

	for (size_t i = 0; i < d->lines; i++) {
		const uint8_t *by = d->log[d->line[i].log].node;

		if (event_parse(&ev, (struct text_span){(const char *)d->line[i].text.p,
							d->line[i].text.n}) != 0 ||
		    ev.type != EVENT_INGEST || (node && memcmp(by, node, 16) != 0))
			continue;
		if (found++ == 0) {
			*ingest = ev;
			memcpy(d->node, by, 16);
		}
	}
	text_hex(hex, d->item, 16);
	if (found == 1)
		return 0;
	if (found > 1)
		return err_set(e, ERR_FORGED, "item %s was taken in %u times: name it by its path",
			       hex, found);
	if (d->beyond)
		return err_set(e, ERR_BUSY,
			       "item %s is past the last checkpoint of its log: its node has not "
			       "signed for it yet",
			       hex);
	return err_set(e, ERR_NOTFOUND, "there is no item %s in the logs", hex);
}

/* All of it, so that whoever knows the keys of any version can check. */
static int load_history(struct receipt_draft *d, struct err *e)
{
	const struct archive_desc *now = &d->archive->desc;
	int rc = archive_history_load(&d->history, d->archive->documents, now, e);
	char text[160];

	while (d->history.n > RECEIPT_VERSIONS_MAX)
		document_free(&d->history.version[--d->history.n].text);
	if (rc || d->history.n + 1 == now->version || !d->notice)
		return rc;
	snprintf(text, sizeof(text),
		 "version %zu of archive.txt is not in the receipt: what its keys signed can't be "
		 "judged",
		 (size_t)now->version - d->history.n - 1);
	d->notice(d->notice_ctx, text);
	return 0;
}

static int compose(struct receipt_draft *d, const struct receipt_source *src,
		   const struct receipt_ask *ask, struct err *e)
{
	struct event ingest;
	int rc = load_history(d, e);

	if (rc == 0)
		rc = src->item(src->ctx, d, e);
	if (rc == 0)
		rc = find_ingest(d, ask->node, &ingest, e);
	if (rc == 0)
		rc = receipt_gather(d, src, ask, e);
	if (rc == 0)
		rc = src->prove(src->ctx, d, e);
	if (rc == 0 && ask->disclose)
		rc = receipt_disclose(&d->record, ask->station, &ingest, e);
	return rc;
}

static int attempt(struct wire_out *out, const struct receipt_ask *ask, struct receipt_sum *sum,
		   struct err *e)
{
	struct receipt_draft d = {
		.archive = ask->archive, .notice = ask->notice, .notice_ctx = ask->notice_ctx};
	struct receipt_source src;
	int rc = ask->station ? receipt_index(&src, ask->station, e) : receipt_scan(&src, e);

	if (rc)
		return rc;
	/* A station's roster may be another one after it has caught up. */
	d.roster = ask->station ? ask->station->roster : ask->roster;
	memcpy(d.item, ask->item, 16);
	rc = compose(&d, &src, ask, e);
	if (rc == 0)
		rc = receipt_draft_write(&d, out, e);
	*sum = (struct receipt_sum){
		.events = d.lines, .authorisations = d.grant.n, .beyond = d.beyond};
	for (size_t log = 0; log < d.logs; log++) {
		size_t i = 0;

		while (i < d.lines && d.line[i].log != log)
			i++;
		sum->logs += i < d.lines;
	}
	src.close(src.ctx);
	receipt_draft_free(&d);
	return rc;
}

int receipt_make(struct wire_out *out, const struct receipt_ask *ask, struct receipt_sum *sum,
		 struct err *e)
{
	int rc = ERR_BUSY;

	if (ask->disclose && !ask->station)
		return err_set(e, ERR_ROLE,
			       "to disclose an item's provenance a reader node is needed");
	/* A journal may outrun the index between two looks. */
	for (int i = 0; rc == ERR_BUSY && i < (ask->station ? TRIES : 1); i++)
		rc = attempt(out, ask, sum, e);
	return rc;
}
