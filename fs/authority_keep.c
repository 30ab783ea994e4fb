/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the authority remembers of the world: its archives, the nodes it enrolled, what it issued.
 * archives/<id>/{archive.txt, nodes/<node>.enrolment, issued/<serial>.<kind>, seen/<node>.checkpoint}
 */
#include <errno.h>
#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/chunk.h"
#include "crypto/secret.h"
#include "crypto/suite.h"
#include "crypto/text.h"
#include "fs/authority_internal.h"
#include "index/file.h"

#define ARCHIVE_TEXT_MAX (1u << 20)
#define SEEN_MAX (64u << 10)

int authority_archive_dir(struct authority *a, const uint8_t archive[16], const char *sub,
			  bool create, struct err *e)
{
	char hex[33], path[128];
	int rc = 0;

	text_hex(hex, archive, 16);
	if (create) {
		rc = file_mkdir(a->home.fd, "archives", 0700, e);
		snprintf(path, sizeof(path), "archives/%s", hex);
		if (rc == 0)
			rc = file_mkdir(a->home.fd, path, 0700, e);
	}
	snprintf(path, sizeof(path), "archives/%s%s%s", hex, sub ? "/" : "", sub ? sub : "");
	if (rc == 0 && create && sub)
		rc = file_mkdir(a->home.fd, path, 0700, e);
	if (rc)
		return rc;
	rc = file_opendir(a->home.fd, path, NULL);
	if (rc == ERR_NOTFOUND)
		return err_set(e, ERR_WRONG_ARCHIVE, "archive %s is none of this authority's", hex);
	return rc < 0 ? err_set(e, rc, "can't open %s/%s", a->home.path, path) : rc;
}

void authority_describe(const struct authority *a, struct archive_desc *d, int suite,
			uint32_t chunk_size, int64_t now_ms)
{
	*d = a->terms;
	secret_random(d->id, sizeof(d->id));
	d->version = 1;
	d->created_ms = now_ms;
	d->suite = suite ? suite : (int)suite_default();
	d->chunk_size = chunk_size ? chunk_size : CHUNK_SIZE_DEFAULT;
}

/* The kept archive.txt. ERR_WRONG_ARCHIVE if there is none. */
/* Keep what d borrows from for as long as the authority is open. Takes *doc. */
static int keep_looked(struct authority *a, struct document *doc, struct archive_desc *d,
		       struct err *e)
{
	const size_t at = (size_t)(d->carried.p - doc->text.p);
	struct document *grown;
	size_t i = 0;

	while (i < a->nlooked && memcmp(a->looked[i].digest, doc->digest, 32) != 0)
		i++;
	if (i < a->nlooked) {
		document_free(doc);
	} else {
		grown = reallocarray(a->looked, i + 1, sizeof(*grown));
		if (!grown) {
			document_free(doc);
			return err_set(e, ERR_NOMEM, "out of memory");
		}
		a->looked = grown;
		grown[a->nlooked++] = *doc;
		*doc = (struct document){0};
	}
	d->carried.p = a->looked[i].text.p + at;
	return 0;
}

static int load_archive(struct authority *a, const uint8_t id[16], struct document *doc,
			struct archive_desc *d, struct err *e)
{
	struct wire_out file = {0};
	int dir = authority_archive_dir(a, id, NULL, false, e), rc;

	*doc = (struct document){0};
	if (dir < 0)
		return dir;
	rc = file_read(dir, "archive.txt", ARCHIVE_TEXT_MAX, &file, e);
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, ERR_WRONG_ARCHIVE, "the archive is none of this authority's");
	if (rc == 0)
		rc = document_parse(doc, file.p, file.n, e);
	if (rc == 0)
		rc = archive_desc_parse(d, doc, NULL, e);
	if (rc == 0 && memcmp(d->id, id, 16) != 0)
		rc = err_set(e, ERR_DAMAGED, "%s keeps another archive's description in its place",
			     a->home.path);
	if (rc)
		document_free(doc);
	wire_out_free(&file);
	close(dir);
	return rc;
}

/* Those that are superseded are kept too. */
static int keep_superseded(struct authority *a, const struct archive_desc *kept,
			   const struct document *doc, struct err *e)
{
	int dir = authority_archive_dir(a, kept->id, NULL, false, e), rc;
	char name[32];

	if (dir < 0)
		return dir;
	snprintf(name, sizeof(name), "archive-%" PRIu32 ".txt", kept->version);
	rc = file_replace(dir, name, doc->bytes.p, doc->bytes.n, 0600, e);
	close(dir);
	return rc;
}

/* What is kept says whose signatures count: it only moves on to its next version. */
static int check_kept(struct authority *a, const struct archive_desc *desc,
		      const struct document *d, struct err *e)
{
	struct archive_desc kept, next;
	struct document doc;
	int rc = load_archive(a, desc->id, &doc, &kept, e);

	if (rc == ERR_WRONG_ARCHIVE)
		return 0;
	if (rc)
		return rc;
	if (kept.version != desc->version) {
		rc = archive_desc_parse(&next, d, &kept, e);
		if (rc == 0)
			rc = keep_superseded(a, &kept, &doc, e);
	} else if (doc.text.n != d->text.n || memcmp(doc.text.p, d->text.p, d->text.n) != 0)
		rc = err_set(e, ERR_FOREIGN, "another archive.txt of this version is kept already");
	document_free(&doc);
	return rc;
}

int authority_keep_archive(struct authority *a, const struct document *d, struct err *e)
{
	struct archive_desc desc;
	int dir, rc = archive_desc_parse(&desc, d, NULL, e);

	if (rc == 0)
		rc = check_kept(a, &desc, d, e);
	if (rc)
		return rc;
	dir = authority_archive_dir(a, desc.id, NULL, true, e);
	if (dir < 0)
		return dir;
	rc = file_replace(dir, "archive.txt", d->bytes.p, d->bytes.n, 0600, e);
	close(dir);
	return rc;
}

int authority_archive(struct authority *a, const uint8_t id[16], struct archive_desc *d,
		      struct err *e)
{
	struct document doc;
	int rc = load_archive(a, id, &doc, d, e);

	return rc ? rc : keep_looked(a, &doc, d, e);
}

/* A node that is to go on for another: one that was enrolled here, whose log is not shorter than it was
 * when it was seen here. */
static int check_replaced(struct authority *a, const uint8_t archive[16],
			  const struct roster_node *who, struct err *e)
{
	struct wire_out note = {0};
	struct note_checkpoint seen;
	struct text_span text, sigs;
	struct roster_node lost;
	char hex[33], path[128], id[33];
	int rc = authority_find_node(a, archive, who->replaced, &lost);

	text_hex(id, archive, 16);
	text_hex(hex, who->replaced, 16);
	if (rc)
		return err_set(e, rc, "the node that it is to replace, %s: %s", hex, err_text(rc));
	snprintf(path, sizeof(path), "archives/%s/seen/%s.checkpoint", id, hex);
	rc = file_read(a->home.fd, path, SEEN_MAX, &note, e);
	if (rc == 0 &&
	    note_split((struct text_span){(const char *)note.p, note.n}, &text, &sigs) == 0 &&
	    note_checkpoint_parse(&seen, text) == 0 &&
	    (seen.size > who->replaces.size ||
	     (seen.size == who->replaces.size && memcmp(seen.root, who->replaces.root, 32) != 0)))
		rc = err_set(e, ERR_ROLLBACK,
			     "the log of node %s had %" PRIu64
			     " events when it was seen here, and the request knows %" PRIu64
			     ", or others: bring the newest copy of it to light first",
			     hex, seen.size, who->replaces.size);
	wire_out_free(&note);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

int authority_enrol(struct authority *a, struct document *out, const void *request, size_t n,
		    struct roster_node *who, uint8_t archive_id[16], int64_t now_ms, struct err *e)
{
	struct archive_desc desc;
	struct roster_node ever;
	uint8_t serial[16], *catalogue = NULL;
	bool revoked = false;
	int rc = roster_request_parse(who, archive_id, request, n, e);

	*out = (struct document){0};
	if (rc == 0)
		rc = authority_archive(a, archive_id, &desc, e);
	if (rc == 0 && who->replaces.origin[0])
		rc = check_replaced(a, archive_id, who, e);
	if (rc == 0) {
		ever = *who;
		ever.issued_ms = 0;
		rc = authority_node_revoked(a, archive_id, &ever, INT64_MAX, &revoked, e);
	}
	if (rc == 0 && (who->roles & ROSTER_READER)) {
		catalogue = secret_take(a->pool, 32);
		rc = catalogue ? authority_secret_read(a, "catalogue", catalogue, e) :
				 err_set(e, ERR_NOMEM, "no secret memory left");
	}
	if (rc == 0) {
		secret_random(serial, sizeof(serial));
		memcpy(who->serial, serial, sizeof(serial));
		who->issued_ms = now_ms;
		who->revoked = revoked;
		rc = roster_enrolment_make(out, archive_id, serial, who, catalogue, e);
	}
	secret_give(a->pool, catalogue);
	return rc;
}

int authority_keep_enrolment(struct authority *a, const struct document *d, struct err *e)
{
	struct archive_desc desc;
	struct roster_node node;
	uint8_t archive[16];
	char hex[33], path[64];
	int dir, rc;

	if (!document_id(d, "archive", archive))
		return err_set(e, ERR_MALFORMED, "the enrolment names no archive");
	rc = authority_archive(a, archive, &desc, e);
	if (rc == 0)
		rc = roster_enrolment_parse(&node, d, &desc, e);
	if (rc == 0)
		rc = authority_check_signers(a, d, archive, node.serial, "enrolment", e);
	if (rc)
		return rc;
	dir = authority_archive_dir(a, archive, "nodes", true, e);
	if (dir < 0)
		return dir;
	text_hex(hex, node.pub.id, 16);
	snprintf(path, sizeof(path), "%s.enrolment", hex);
	rc = file_replace(dir, path, d->bytes.p, d->bytes.n, 0600, e);
	close(dir);
	return rc ? rc : authority_keep_issued(a, d, archive, node.serial, "enrolment", e);
}

int authority_keep_issued(struct authority *a, const struct document *d, const uint8_t archive[16],
			  const uint8_t serial[16], const char *kind, struct err *e)
{
	char hex[33], path[96];
	int dir, rc = authority_check_signers(a, d, archive, serial, kind, e);

	if (rc)
		return rc;
	dir = authority_archive_dir(a, archive, "issued", true, e);
	if (dir < 0)
		return dir;
	text_hex(hex, serial, 16);
	snprintf(path, sizeof(path), "%s.%s", hex, kind);
	/* A later copy of it may bear more signatures. */
	rc = file_replace(dir, path, d->bytes.p, d->bytes.n, 0600, e);
	close(dir);
	return rc;
}
