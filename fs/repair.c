/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/repair_internal.h"

void repair_progress(struct repair_run *r, uint64_t bytes)
{
	r->sum->bytes += bytes;
	if (r->ask->progress)
		r->ask->progress(r->ask->ctx, r->sum->bytes, r->total);
}

static int log_repair(struct repair_run *r, const struct repair_of *of, const char *stage)
{
	struct event ev = {.type = EVENT_REPAIRED,
			   .offset = of->offset,
			   .length = of->length,
			   .uid = r->ask->uid};

	if (of->item)
		memcpy(ev.item, of->item, 16);
	if (of->segment)
		memcpy(ev.segment, of->segment, 16);
	if (of->document)
		memcpy(ev.document, of->document, 16);
	memcpy(ev.digest, of->digest, 32);
	snprintf(ev.what, sizeof(ev.what), "%s%s", of->what, stage);
	snprintf(ev.user, sizeof(ev.user), "%s", r->ask->user);
	return journal_append(r->s->journal, &ev, 1, r->e);
}

int repair_note(struct repair_run *r, const struct repair_of *of, bool intact)
{
	struct repair_told t = {.mended = intact};

	t.at.code = ERR_DAMAGED;
	t.at.offset = of->offset;
	t.at.length = of->length;
	t.at.has_item = of->item;
	t.at.has_segment = of->segment;
	if (of->item)
		memcpy(t.at.item, of->item, 16);
	if (of->segment)
		memcpy(t.at.segment, of->segment, 16);
	snprintf(t.at.text, sizeof(t.at.text), "%s: %s, bytes %" PRIu64 " to %" PRIu64 "%s",
		 of->path, of->what, of->offset, of->offset + of->length,
		 intact ? "" : ": the copy does not have it intact either");
	if (intact) {
		r->sum->mended++;
		r->sum->mended_bytes += of->length;
	} else {
		r->sum->left++;
	}
	if (r->ask->told)
		r->ask->told(r->ask->ctx, &t);
	return intact && !r->ask->dry_run ? log_repair(r, of, REPAIR_BEGUN) : 0;
}

int repair_done(struct repair_run *r, const struct repair_of *of)
{
	return log_repair(r, of, "");
}

/* A line that admits a document. */
static int on_event(void *ctx, const struct event *ev, struct err *e)
{
	struct repair_run *r = ctx;
	struct repair_named *n;

	if (ev->type != EVENT_ENROLLED && ev->type != EVENT_ADMITTED)
		return 0;
	n = reallocarray(r->named, r->nameds + 1, sizeof(*n));
	if (!n)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->named = n;
	n += r->nameds;
	memcpy(n->serial, ev->document, 16);
	memcpy(n->digest, ev->digest, 32);
	if (snprintf(n->kind, sizeof(n->kind), "%s",
		     ev->type == EVENT_ENROLLED ? "enrolment" : ev->kind) < (int)sizeof(n->kind))
		r->nameds++;
	return 0;
}

static int result(const struct repair_run *r)
{
	if (r->sum->left)
		return err_set(r->e, ERR_DAMAGED,
			       "%" PRIu64 " damaged range%s could not be repaired from this copy",
			       r->sum->left, r->sum->left == 1 ? "" : "s");
	if (r->ask->dry_run && r->sum->mended)
		return err_set(r->e, ERR_DAMAGED, "%" PRIu64 " damaged range%s can be repaired",
			       r->sum->mended, r->sum->mended == 1 ? "" : "s");
	return 0;
}

int repair_run(const struct archive *a, const struct archive *from, struct station *s,
	       const struct repair_ask *ask, struct repair_sum *sum, struct err *e)
{
	const struct backup_ask quiet = {.keep = 0};
	struct backup_sum ignored = {.made = false};
	struct repair_run r = {.b = {.a = a,
				     .ask = &quiet,
				     .sum = &ignored,
				     .dest = {.dir = -1, .lock = -1, .before = -1, .work = -1}},
			       .from = from,
			       .s = s,
			       .ask = ask,
			       .sum = sum,
			       .e = e};
	int rc;

	*sum = (struct repair_sum){.items = 0};
	if (memcmp(a->desc.id, from->desc.id, 16) != 0)
		return err_set(e, ERR_FOREIGN, "%s is a copy of another archive", from->path);
	r.b.also = on_event;
	r.b.also_ctx = &r;
	rc = backup_journals_plan(&r.b, e);
	if (rc)
		rc = err_prefix(e, rc, "a log can't be repaired, only restored with its archive");
	for (size_t i = 0; i < r.b.plan.frames; i++)
		r.total += r.b.plan.frame[i].length;
	if (rc == 0)
		rc = repair_documents(&r);
	if (rc == 0)
		rc = repair_segments(&r);
	if (rc == 0)
		rc = result(&r);
	backup_free(&r.b);
	free(r.named);
	return rc;
}
