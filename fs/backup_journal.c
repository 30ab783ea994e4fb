/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/backup_copy.h"
#include "fs/backup_internal.h"
#include "fs/layout.h"
#include "index/file.h"

#define NOTE_MAX (64u << 10)

struct walk {
	struct backup *b;
	int before; /* journal/ of the last generation, -1: none */
	struct err *e;
};

static int on_line(void *ctx, const struct event *ev, struct err *e)
{
	struct backup *b = ctx;
	char segment[33];
	int rc = backup_plan_event(&b->plan, ev);

	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	text_hex(segment, ev->segment, 16);
	if (rc)
		backup_tell(b, NULL, ERR_DAMAGED,
			    "event %" PRIu64 " gives a place in segment %s that no file has",
			    ev->seq, segment);
	return b->also ? b->also(b->also_ctx, ev, e) : 0;
}

/* ---- reading ---- */

static struct backup_log *find_log(const struct backup *b, const uint8_t node[16])
{
	for (size_t i = 0; i < b->logs; i++)
		if (memcmp(b->log[i].node, node, 16) == 0)
			return &b->log[i];
	return NULL;
}

/* Is a note beside a journal another one than in the last generation? */
static bool note_changed(const struct walk *w, const char *node, const char *kind,
			 const struct wire_out *now)
{
	struct wire_out was = {0};
	char name[64];
	bool same;

	snprintf(name, sizeof(name), "%s.%s", node, kind);
	if (file_read(w->before, name, NOTE_MAX, &was, NULL) != 0)
		was.n = 0;
	same = was.n == now->n && (now->n == 0 || memcmp(was.p, now->p, now->n) == 0);
	wire_out_free(&was);
	return !same;
}

static int read_journal(void *ctx, const struct layout_file *f)
{
	struct walk *w = ctx;
	struct backup *b = w->b;
	const struct backup_log_ask ask = {
		.a = b->a,
		.roster = b->roster,
		.before = w->before,
		.mark = b->again ? NULL : backup_state_mark(&b->old, f->id),
		.all = b->again,
		.line = on_line,
		.ctx = b,
	};
	struct backup_log *grown, *l;
	char node[33];
	int rc;

	if (strcmp(f->kind, "jsonl") != 0)
		return 0;
	grown = reallocarray(b->log, b->logs + 1, sizeof(*grown));
	if (!grown)
		return err_set(w->e, ERR_NOMEM, "out of memory");
	b->log = grown;
	l = &b->log[b->logs++];
	rc = backup_log_read(l, &ask, f->id, w->e);
	if (rc)
		return rc;
	text_hex(node, f->id, 16);
	if (!roster_find(b->roster, f->id))
		backup_note(b,
			    "journal %s is of a node without a good enrolment: it is copied, "
			    "and could not be checked",
			    node);
	b->sum->journals++;
	b->sum->events += l->lines;
	b->sum->new_events += l->fresh;
	if (l->fresh || note_changed(w, node, "checkpoint", &l->checkpoint) ||
	    note_changed(w, node, "cosigned", &l->cosigned))
		b->changed = true;
	return 0;
}

/* What speaks of a journal, here or in the backup, needs it. */
static int expect_journal(void *ctx, const struct layout_file *f)
{
	struct walk *w = ctx;

	if (strcmp(f->kind, "cosigned") == 0 || find_log(w->b, f->id))
		return 0;
	return err_set(w->e, ERR_ROLLBACK,
		       "journal %.32s is missing from the archive, and its %s is there", f->name,
		       strcmp(f->kind, "jsonl") == 0 ? "backup" : "checkpoint");
}

int backup_journals_read(struct backup *b, struct err *e)
{
	struct walk w = {.b = b, .before = -1, .e = e};
	int rc = 0;

	if (b->dest.before >= 0) {
		w.before = file_opendir(b->dest.before, "journal", e);
		if (w.before < 0)
			return err_prefix(e, ERR_DAMAGED, "the backup is damaged");
	}
	rc = layout_walk(b->a->dir, LAYOUT_JOURNAL, read_journal, &w, e);
	if (rc == 0)
		rc = layout_walk(b->a->dir, LAYOUT_JOURNAL, expect_journal, &w, e);
	if (rc == 0 && w.before >= 0)
		rc = layout_walk(b->dest.before, LAYOUT_JOURNAL, expect_journal, &w, e);
	if (w.before >= 0)
		close(w.before);
	return rc;
}

/* ---- writing ---- */

/* Lines that an interrupted run has written are written again: a crash may have left anything. */
static int write_lines(struct backup *b, const struct backup_log *l, const char *path,
		       struct err *e)
{
	uint64_t have;
	int fd, rc;

	if (l->old_bytes > 0 && l->bytes == l->old_bytes)
		return backup_copy_link(b->dest.before, b->dest.work, path, e);
	unlinkat(b->dest.work, path, 0);
	rc = backup_copy_open(b->dest.before, b->dest.work, path, &fd, &have, e);
	if (rc == 0)
		rc = backup_copy_range(fd, l->fd, have, l->bytes, NULL, NULL, e);
	if (rc == 0)
		rc = backup_copy_settle(fd, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_note(const struct backup *b, const char *node, const char *kind,
		      const struct wire_out *note, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "journal/%s.%s", node, kind);
	unlinkat(b->dest.work, path, 0);
	return note->n ? file_replace(b->dest.work, path, note->p, note->n, BACKUP_FILE_MODE, e) :
			 0;
}

static int write_journal(struct backup *b, const struct backup_log *l, int journal, struct err *e)
{
	char node[33], path[64];
	int rc;

	text_hex(node, l->node, 16);
	snprintf(path, sizeof(path), "journal/%s.jsonl", node);
	rc = write_lines(b, l, path, e);
	if (rc == 0)
		rc = backup_log_check(l, journal, e);
	if (rc == 0)
		rc = write_note(b, node, "checkpoint", &l->checkpoint, e);
	if (rc == 0)
		rc = write_note(b, node, "cosigned", &l->cosigned, e);
	return rc;
}

int backup_journals_write(struct backup *b, struct err *e)
{
	int journal = file_opendir(b->dest.work, "journal", e);
	int rc = journal < 0 ? journal : 0;

	for (size_t i = 0; rc == 0 && i < b->logs; i++)
		rc = write_journal(b, &b->log[i], journal, e);
	if (journal >= 0)
		close(journal);
	return rc;
}
