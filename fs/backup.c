/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/backup_copy.h"
#include "fs/backup_internal.h"
#include "index/file.h"

/* ---- telling ---- */

int backup_tell(struct backup *b, const struct verify_finding *f, int code, const char *fmt, ...)
{
	struct verify_finding out = {0};
	va_list ap;

	if (f)
		out = *f;
	out.code = code;
	va_start(ap, fmt);
	vsnprintf(out.text, sizeof(out.text), fmt, ap);
	va_end(ap);
	b->sum->damaged++;
	if (b->ask->finding)
		b->ask->finding(b->ask->ctx, &out);
	return 0;
}

void backup_note(struct backup *b, const char *fmt, ...)
{
	char text[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (b->ask->note)
		b->ask->note(b->ask->ctx, text);
}

int backup_told(void *ctx, uint64_t bytes)
{
	struct backup *b = ctx;

	b->done += bytes;
	if (b->ask->progress)
		b->ask->progress(b->ask->ctx, b->done, b->sum->new_bytes);
	return 0;
}

/* ---- what is there ---- */

static int load_state(struct backup *b, struct err *e)
{
	struct err why = {0};
	int rc;

	if (b->dest.before < 0)
		return 0;
	rc = backup_state_read(&b->old, b->dest.before, &why);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	if (rc == 0 && memcmp(b->old.archive, b->a->desc.id, 16) == 0 && backup_segments_there(b))
		return 0;
	backup_note(b,
		    "the state of the last generation can't be used (%s): all of it is read again",
		    rc ? why.text : "a segment is missing or too short");
	backup_state_free(&b->old);
	b->again = true;
	return 0;
}

int backup_journals_plan(struct backup *b, struct err *e)
{
	int rc = roster_load(&b->roster, b->a, NULL, e);

	if (rc == 0)
		rc = load_state(b, e);
	if (rc == 0)
		rc = backup_plan_state(&b->plan, &b->old) ? err_set(e, ERR_NOMEM, "out of memory") :
							    0;
	if (rc == 0)
		rc = backup_journals_read(b, e);
	if (rc == 0)
		backup_plan_sort(&b->plan);
	return rc;
}

int backup_look(struct backup *b, struct err *e)
{
	int rc = backup_journals_plan(b, e);

	if (rc == 0)
		rc = backup_segments_look(b, e);
	b->sum->segments = b->plan.helds;
	if (rc == 0)
		rc = backup_documents_look(b, e);
	b->changed = b->changed || b->dest.before < 0 || b->again;
	if (rc == 0 && !b->changed)
		rc = backup_segments_owed(b, e);
	b->sum->fresh = b->changed;
	return rc;
}

void backup_free(struct backup *b)
{
	for (size_t i = 0; i < b->logs; i++)
		backup_log_free(&b->log[i]);
	free(b->log);
	free(b->owed);
	backup_plan_free(&b->plan);
	backup_state_free(&b->old);
	document_free(&b->text);
	roster_free(b->roster);
}

/* ---- the generation ---- */

static int write_state(const struct backup *b, struct err *e)
{
	struct backup_state s = {.made_ms = (int64_t)time(NULL) * 1000,
				 .held = b->plan.held,
				 .helds = b->plan.helds,
				 .owed = b->owed,
				 .oweds = b->oweds};
	struct wire_out text = {0};
	int rc = 0;

	memcpy(s.archive, b->a->desc.id, 16);
	s.mark = calloc(b->logs + 1, sizeof(*s.mark));
	if (!s.mark)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < b->logs; i++)
		if (b->log[i].mark.range.size > 0)
			s.mark[s.marks++] = b->log[i].mark;
	backup_state_text(&text, &s);
	rc = wire_out_ok(&text) ?
		     file_replace(b->dest.work, BACKUP_STATE, text.p, text.n, BACKUP_FILE_MODE, e) :
		     err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&text);
	free(s.mark);
	return rc;
}

static int make(struct backup *b, struct err *e)
{
	int rc = backup_dest_begin(&b->dest, &b->sum->resumed, e);

	if (rc == 0)
		rc = backup_journals_write(b, e);
	if (rc == 0)
		rc = backup_segments_write(b, e);
	if (rc == 0)
		rc = backup_documents_write(b, e);
	if (rc == 0)
		rc = write_state(b, e);
	if (rc == 0)
		rc = backup_dest_commit(&b->dest, e);
	b->sum->made = rc == 0;
	return rc;
}

static int run(struct backup *b, struct err *e)
{
	int rc = backup_look(b, e);

	if (rc || b->ask->dry_run)
		return rc;
	rc = b->changed ? make(b, e) : backup_dest_abandon(&b->dest, e);
	if (rc == 0 && b->ask->keep)
		rc = backup_dest_prune(&b->dest, b->ask->keep, &b->sum->removed, e);
	return rc;
}

int backup_run(const struct archive *a, const char *dest, const struct backup_ask *ask,
	       struct backup_sum *sum, struct err *e)
{
	struct backup b = {.a = a, .ask = ask, .sum = sum};
	int rc;

	*sum = (struct backup_sum){.made = false};
	rc = backup_dest_open(&b.dest, dest, a, ask->dry_run, e);
	if (rc)
		return rc;
	rc = run(&b, e);
	if (b.dest.newest)
		backup_dest_name(sum->generation, b.dest.newest);
	if (rc == 0 && sum->damaged)
		rc = err_set(e, ERR_DAMAGED, "%llu finding%s of damage in the archive",
			     (unsigned long long)sum->damaged, sum->damaged == 1 ? "" : "s");
	backup_dest_close(&b.dest);
	backup_free(&b);
	return rc;
}
