/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/archive_history.h"
#include "fs/backup_copy.h"
#include "fs/backup_internal.h"
#include "fs/layout.h"
#include "index/file.h"

#define DESC "archive.txt"
#define DESC_MAX (1u << 20)
#define TRIES 8

/* One pass over documents/: looks, and writes once the generation is begun. */
struct pass {
	struct backup *b;
	struct err *e;
	uint64_t all, fresh;
};

const struct document *backup_description(const struct backup *b)
{
	return b->text.bytes.n ? &b->text : &b->a->text;
}

static const struct archive_desc *desc(const struct backup *b)
{
	return b->text.bytes.n ? &b->desc : &b->a->desc;
}

/* ---- documents ---- */

static int put(const struct pass *p, const char *path, const struct wire_out *bytes)
{
	const struct backup *b = p->b;

	if (b->dest.work < 0)
		return 0;
	if (!bytes)
		return backup_copy_link(b->dest.before, b->dest.work, path, p->e);
	unlinkat(b->dest.work, path, 0);
	return file_replace(b->dest.work, path, bytes->p, bytes->n, BACKUP_FILE_MODE, p->e);
}

/* 1: the backup has these bytes; 0: it has not this document; ERR_DAMAGED: it has another. */
static int compare(const struct pass *p, const char *path, const struct wire_out *now)
{
	struct wire_out was = {0};
	int rc;

	if (p->b->dest.before < 0)
		return 0;
	rc = file_read(p->b->dest.before, path, DOCUMENT_MAX, &was, p->e);
	if (rc == 0)
		rc = was.n == now->n && now->n && memcmp(was.p, now->p, now->n) == 0 ? 1 :
										       ERR_DAMAGED;
	wire_out_free(&was);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

static int take_document(struct pass *p, const struct layout_file *f, const struct wire_out *now)
{
	int same = compare(p, f->path, now);

	if (same < 0 && same != ERR_DAMAGED)
		return same;
	p->all++;
	p->fresh += same == 0;
	if (same == ERR_DAMAGED && p->b->dest.work < 0)
		backup_tell(p->b, NULL, ERR_DAMAGED,
			    "%s is not the one in the backup: it was altered; the backup keeps the "
			    "one it has",
			    f->path);
	return put(p, f->path, same == 0 ? now : NULL);
}

/* A file of a document's name. If the backup has one under it, it was a document once. */
static int take_other(struct pass *p, const struct layout_file *f)
{
	const struct wire_out none = {0};

	if (p->b->dest.before >= 0 &&
	    faccessat(p->b->dest.before, f->path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return take_document(p, f, &none);
	if (p->b->dest.work < 0)
		backup_note(p->b, "%s is no document, and is not copied", f->path);
	return 0;
}

static int each_document(void *ctx, const struct layout_file *f)
{
	struct pass *p = ctx;
	struct wire_out now = {0};
	int rc = file_read(p->b->a->dir, f->path, DOCUMENT_MAX, &now, p->e);

	if (rc == 0 && layout_document(f->kind, now.p, now.n))
		rc = take_document(p, f, &now);
	else if (rc == 0 || rc == ERR_MALFORMED)
		rc = take_other(p, f);
	wire_out_free(&now);
	return rc;
}

/* Of the last generation: is it in the archive still? */
static int each_kept(void *ctx, const struct layout_file *f)
{
	struct pass *p = ctx;

	if (faccessat(p->b->a->dir, f->path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	p->all++;
	if (p->b->dest.work < 0)
		backup_tell(p->b, NULL, ERR_DAMAGED,
			    "%s was taken out of the archive; the backup keeps it", f->path);
	return put(p, f->path, NULL);
}

static int walk(struct backup *b, struct err *e)
{
	struct pass p = {.b = b, .e = e};
	int rc = layout_walk(b->a->dir, LAYOUT_DOCUMENTS, each_document, &p, e);

	if (rc == 0 && b->dest.before >= 0)
		rc = layout_walk(b->dest.before, LAYOUT_DOCUMENTS, each_kept, &p, e);
	b->sum->documents = p.all;
	b->sum->new_documents = p.fresh;
	b->changed = b->changed || p.fresh > 0;
	return rc;
}

/* ---- archive.txt ---- */

/* Does the version that the backup has lead to this one? */
static int check_chain(const struct backup *b, const struct archive_desc *was, struct err *e)
{
	struct archive_history h;
	bool found = false;
	int rc = archive_history_load(&h, b->a->documents, desc(b), e);

	if (rc)
		return rc;
	for (size_t i = 0; i < h.n; i++)
		found = found || memcmp(h.version[i].desc.digest, was->digest, 32) == 0;
	archive_history_free(&h);
	return found ? 0 :
		       err_set(e, ERR_ROLLBACK,
			       DESC " is version %" PRIu32 ", to which version %" PRIu32
				    " in the backup does not lead",
			       desc(b)->version, was->version);
}

static int compare_desc(struct backup *b, const struct archive_desc *was, struct err *e)
{
	if (desc(b)->version < was->version)
		return err_set(e, ERR_ROLLBACK,
			       DESC " is version %" PRIu32 ", and the backup has version %" PRIu32
				    ": the archive was rolled back",
			       desc(b)->version, was->version);
	if (memcmp(desc(b)->digest, was->digest, 32) == 0)
		return 0;
	b->changed = true;
	return check_chain(b, was, e);
}

static int check_desc(struct backup *b, struct err *e)
{
	struct wire_out bytes = {0};
	struct document doc = {0};
	struct archive_desc was;
	int rc;

	if (b->dest.before < 0)
		return 0;
	rc = file_read(b->dest.before, DESC, DESC_MAX, &bytes, e);
	if (rc == 0)
		rc = document_parse(&doc, bytes.p, bytes.n, e);
	if (rc == 0)
		rc = archive_desc_read(&was, &doc, e);
	if (rc)
		rc = err_prefix(e, ERR_DAMAGED, "the backup is damaged");
	else
		rc = compare_desc(b, &was, e);
	document_free(&doc);
	wire_out_free(&bytes);
	return rc;
}

/* *same: archive.txt is still the one that was read before. */
static int reread(struct backup *b, bool *same, struct err *e)
{
	const struct document was = *backup_description(b);
	struct document now;
	struct archive_desc d;
	bool changed;
	int rc = archive_reread(b->a, &now, &d, &changed, e);

	if (rc)
		return rc;
	*same = memcmp(changed ? now.digest : b->a->text.digest, was.digest, 32) == 0;
	document_free(&b->text);
	if (changed) {
		b->text = now;
		b->desc = d;
	}
	return 0;
}

int backup_documents_look(struct backup *b, struct err *e)
{
	bool same = false;
	int rc = reread(b, &same, e);

	same = false;
	for (int i = 0; rc == 0 && !same; i++) {
		rc = i < TRIES ? walk(b, e) : err_set(e, ERR_BUSY, DESC " does not stay the same");
		if (rc == 0)
			rc = reread(b, &same, e);
	}
	return rc ? rc : check_desc(b, e);
}

int backup_documents_write(struct backup *b, struct err *e)
{
	int rc = walk(b, e);

	return rc ? rc :
		    file_replace(b->dest.work, DESC, backup_description(b)->bytes.p,
				 backup_description(b)->bytes.n, BACKUP_FILE_MODE, e);
}
