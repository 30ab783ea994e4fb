/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "fs/intake_internal.h"
#include "fs/intake_sidecar.h"

/* ---- taking in ---- */

/* The images in a sidecar, after itself. */
static int take_images(struct intake *t, const struct intake_record_ask *ask,
		       const struct wire_out *content, struct err *e)
{
	return content->p ? intake_sidecar_extract(t->g, ask, content->p, content->n, e) : 0;
}

static int take_content(struct intake *t, const struct source_member *m, struct record *r,
			const struct manifest_row *row, struct err *e)
{
	const uint8_t *sha256 = row && row->has_sha256 ? row->sha256 :
				m->has_sha256	       ? m->sha256 :
							 NULL;

	if (m->fd < 0)
		return ingest_add_stream(t->g, intake_read_member, t, m->size, m->path, r, sha256,
					 e);
	return ingest_add_file(t->g, m->fd, m->path, r, sha256,
			       row && row->has_size ? row->size : UINT64_MAX, e);
}

static int take_member(struct intake *t, const struct source_member *m, struct err *e)
{
	const struct sidecar *own = sidecars_at(t->sidecars, m->path);
	const struct manifest_row *row;
	struct intake_record_ask ask;
	struct wire_out content = {0};
	struct record *r = NULL;
	int rc = intake_find_row(t, m->path, &row, e);

	t->files++;
	if (rc || intake_passed_over(t, m->path)) {
		if (m->fd >= 0)
			close(m->fd);
		return rc;
	}
	ask = intake_ask_record(t, m, row);
	rc = intake_record_make(&r, &ask, e);
	if (rc == 0 && t->ask->link && record_add(r, t->ask->link) != 0)
		rc = err_set(e, ERR_NOMEM, "%s: its provenance can't be kept", m->path);
	if (rc == 0 && own && own->images && t->ask->extract) {
		rc = intake_read_all(t, &content, m, e);
		t->again = content.p;
		t->again_n = m->fd < 0 ? content.n : 0;
	}
	if (rc) {
		record_free(r);
		if (m->fd >= 0)
			close(m->fd);
		goto out;
	}
	rc = take_content(t, m, r, row, e);
	if (rc == 0)
		rc = take_images(t, &ask, &content, e);
	if (rc == 0)
		rc = intake_tell_progress(t, e);
out:
	wire_out_wipe(&content);
	return rc;
}

/* What a partial ingest left out is part of the accession. */
static int take_left_out(struct intake *t, struct err *e)
{
	struct wire_out text = {0};
	struct record *r = NULL;
	int rc = 0;

	if (intake_leave_empty(t->leave))
		return 0;
	if (intake_leave_text(t->leave, &text) != 0 || record_new(&r) != 0 ||
	    record_set_text(r, "media-type", "application/jsonl") != 0 ||
	    record_set_text(r, "role", "document") != 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = ingest_add_bytes(t->g, text.p, text.n, INTAKE_LEAVE_PATH, r, e);
	else
		record_free(r);
	wire_out_wipe(&text);
	return rc;
}

int intake_take(struct intake *t, struct err *e)
{
	const struct intake_ask *ask = t->ask;
	const struct ingest_ask ingest = {
		.collection = ask->collection,
		.epoch = ask->epoch,
		.user = ask->user,
		.uid = ask->uid,
		.host = ask->host,
		.workers = ask->workers,
		.meta = ask->meta,
		.known = ask->known,
		.read_back = ask->read_back,
	};
	uint64_t files = t->files, matched = t->matched;
	struct ingest_sum told;
	struct err late = {0};
	int rc = ingest_begin(&t->g, t->s, &ingest, e), end;

	if (rc)
		return rc;
	t->walk = TAKE;
	rc = intake_walk(t, take_member, e);
	if (rc == 0 && t->matched < matched)
		rc = err_set(e, ERR_NOTFOUND,
			     "%llu files that the manifest names went away while the sources were "
			     "read",
			     (unsigned long long)(matched - t->matched));
	if (rc == 0 && t->files < files)
		rc = intake_skipped(t, t->source,
				    "or another source lost files while they were read", true,
				    false, e);
	if (rc == 0)
		rc = take_left_out(t, e);
	told = *t->sum;
	end = ingest_end(t->g, rc != 0, t->sum, rc ? &late : e);
	t->sum->skipped = told.skipped;
	t->sum->unread = told.unread;
	t->sum->left_out = told.left_out;
	return rc ? rc : end;
}
