/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request under the authority's eyes: who asks, is the log the one that was seen before, and what
 * do the records say.
 */
#include "fs/authority_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "crypto/text.h"
#include "index/file.h"

#define CHECKPOINT_MAX (64u << 10) /* with the signature lines of many */

struct finder {
	struct authority *a;
	const struct request *r;
};

/* The keys of a node, from the enrolment that was signed here. */
int authority_find_node(struct authority *a, const uint8_t archive[16], const uint8_t node[16],
			struct roster_node *out)
{
	struct archive_desc desc;
	struct wire_out file = {0};
	struct document doc = {0};
	char hex[33], path[64];
	int dir, rc = authority_archive(a, archive, &desc, NULL);

	if (rc)
		return rc;
	dir = authority_archive_dir(a, archive, "nodes", false, NULL);
	if (dir < 0)
		return ERR_NOT_ENROLLED;
	text_hex(hex, node, 16);
	snprintf(path, sizeof(path), "%s.enrolment", hex);
	rc = file_read(dir, path, DOCUMENT_MAX, &file, NULL);
	if (rc == ERR_NOTFOUND)
		rc = ERR_NOT_ENROLLED;
	if (rc == 0)
		rc = document_parse(&doc, file.p, file.n, NULL);
	if (rc == 0)
		rc = roster_enrolment_parse(out, &doc, &desc, NULL);
	if (rc == 0 && memcmp(out->pub.id, node, 16) != 0)
		rc = ERR_DAMAGED;
	document_free(&doc);
	wire_out_free(&file);
	close(dir);
	return rc;
}

static int find_node(void *ctx, const uint8_t node[16], struct roster_node *out)
{
	struct finder *f = ctx;

	return authority_find_node(f->a, f->r->archive, node, out);
}

/* ---- who asks ---- */

int authority_requester(struct authority *a, const struct request *r, struct roster_node *n,
			int64_t now_ms, struct err *e)
{
	struct finder f = {.a = a, .r = r};
	bool revoked;
	int rc = find_node(&f, r->node, n);

	if (rc)
		return err_set(e, rc, "the node that asks: %s", err_text(rc));
	if (!(n->roles & ROSTER_READER))
		return err_set(e, ERR_ROLE, "the node that asks, %s, is not enrolled as a reader",
			       n->name);
	if (now_ms && n->not_after_ms && now_ms > n->not_after_ms)
		return err_set(e, ERR_EXPIRED,
			       "the enrolment of the node that asks, %s, has expired", n->name);
	rc = authority_node_revoked(a, r->archive, n, INT64_MAX, &revoked, e);
	if (rc == 0 && revoked)
		rc = err_set(e, ERR_REVOKED, "the node that asks, %s, was revoked", n->name);
	return rc;
}

/* ---- who took it in ---- */

/* What a node logged is evidence until its enrolment ended, and no longer. */
static int check_source(struct finder *f, const struct request_source *s, struct err *e)
{
	struct roster_node n;
	bool revoked;
	int rc = find_node(f, s->node, &n);

	if (rc)
		return err_set(e, rc, "a node whose log is shown: %s", err_text(rc));
	if (n.not_after_ms && s->latest_ms > n.not_after_ms)
		return err_set(e, ERR_EXPIRED,
			       "the node %s logged some of this after its enrolment had expired",
			       n.name);
	rc = authority_node_revoked(f->a, f->r->archive, &n, s->latest_ms, &revoked, e);
	if (rc == 0 && revoked)
		rc = err_set(e, ERR_REVOKED, "the node %s logged some of this after it was revoked",
			     n.name);
	return rc;
}

static int check_sources(struct finder *f, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < f->r->checkpoints; i++)
		if (f->r->source[i].latest_ms)
			rc = check_source(f, &f->r->source[i], e);
	return rc;
}

/* ---- what was seen before ---- */

/* File name of what was last seen of a log: the node id is the last part of its origin. */
static void seen_name(char out[64], const struct note_checkpoint *cp)
{
	const char *slash = strrchr(cp->origin, '/');

	snprintf(out, 64, "%.32s.checkpoint", slash ? slash + 1 : "");
}

/*
 * Compare a log the request shows with what was seen of it before. Requests are not reviewed in the
 * order they were made: one that shows less than was seen is taken, but what was seen takes the
 * place of what it shows, here and so in the authorisation. A log that was rolled back does not
 * have that, and can't redeem it.
 */
int authority_check_seen(int dir, struct note_checkpoint *cp, bool *newer, struct err *e)
{
	struct wire_out file = {0};
	struct note_checkpoint seen;
	struct text_span text, sigs;
	char path[64];
	int rc;

	*newer = true;
	seen_name(path, cp);
	rc = file_read(dir, path, CHECKPOINT_MAX, &file, e);
	if (rc == ERR_NOTFOUND)
		return 0;
	if (rc)
		goto out;
	if (note_split((struct text_span){(const char *)file.p, file.n}, &text, &sigs) != 0 ||
	    note_checkpoint_parse(&seen, text) != 0)
		rc = err_set(e, ERR_DAMAGED, "seen/%s of the authority is damaged", path);
	else if (strcmp(cp->origin, seen.origin) != 0)
		rc = err_set(e, ERR_DAMAGED, "seen/%s of the authority is of another log", path);
	else if (cp->size == seen.size && memcmp(cp->root, seen.root, sizeof(seen.root)) != 0)
		rc = err_set(e, ERR_ROLLBACK,
			     "the log %s is not the one that was seen before: the archive was "
			     "forked",
			     cp->origin);
	if (rc == 0 && cp->size <= seen.size) {
		*cp = seen;
		*newer = false;
	}
out:
	wire_out_free(&file);
	return rc;
}

/* The signed note itself: it convicts a node that signs another log later. */
int authority_keep_seen(int dir, const struct note_checkpoint *cp, struct text_span note,
			struct err *e)
{
	char path[64];

	seen_name(path, cp);
	return file_replace(dir, path, note.p, note.n, 0600, e);
}

/* Nothing is remembered of a request that is refused. */
static int compare_seen(struct authority *a, struct request *r, struct err *e)
{
	bool *newer = calloc(r->checkpoints + 1, sizeof(*newer));
	int dir = authority_archive_dir(a, r->archive, "seen", true, e);
	int rc = dir < 0 ? dir : newer ? 0 : err_set(e, ERR_NOMEM, "out of memory");

	for (size_t i = 0; rc == 0 && i < r->checkpoints; i++)
		rc = authority_check_seen(dir, &r->checkpoint[i], &newer[i], e);
	for (size_t i = 0; rc == 0 && i < r->checkpoints; i++) {
		if (newer[i])
			rc = authority_keep_seen(dir, &r->checkpoint[i], r->note[i], e);
	}
	free(newer);
	if (dir >= 0)
		close(dir);
	return rc;
}

int authority_review(struct authority *a, struct request *r, const void *p, size_t n, struct err *e)
{
	struct finder f = {.a = a, .r = r};
	uint8_t *catalogue = secret_take(a->pool, 32);
	struct roster_node who;
	int rc;

	*r = (struct request){0};
	rc = catalogue ? request_parse(r, p, n, find_node, &f, e) :
			 err_set(e, ERR_NOMEM, "no secret memory left");
	if (rc == 0)
		rc = authority_requester(a, r, &who, 0, e);
	if (rc == 0)
		rc = check_sources(&f, e);
	if (rc == 0)
		rc = authority_secret_read(a, "catalogue", catalogue, e);
	if (rc == 0)
		rc = request_open(r, catalogue, e);
	if (rc == 0)
		rc = compare_seen(a, r, e);
	if (rc)
		request_free(r);
	secret_give(a->pool, catalogue);
	return rc;
}
