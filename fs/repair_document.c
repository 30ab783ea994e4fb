/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fs/repair_internal.h"
#include "index/file.h"

#define MODE 0640

/* The file, if its digest is the one that was logged. */
static int read_good(int dir, const char *path, const struct repair_named *n, struct wire_out *out,
		     struct err *e)
{
	uint8_t is[32];
	int rc = file_read(dir, path, DOCUMENT_MAX, out, e);

	if (rc)
		return rc;
	hash_sha256(is, out->p, out->n);
	return memcmp(is, n->digest, 32) == 0 ? 0 : ERR_DAMAGED;
}

/* What lies there instead is evidence of its own: it stays, under a name that no document has. */
static int set_aside(const struct repair_run *r, const char *path, const struct wire_out *was)
{
	uint8_t digest[32];
	char hex[17], name[128];

	hash_sha256(digest, was->p, was->n);
	text_hex(hex, digest, 8);
	snprintf(name, sizeof(name), "documents/.%s.%s.altered", path + strlen("documents/"), hex);
	if (linkat(r->b.a->dir, path, r->b.a->dir, name, 0) == 0 || errno == EEXIST ||
	    errno == ENOENT)
		return 0;
	if (file_replace(r->b.a->dir, name, was->p, was->n, MODE, r->e) == 0)
		return 0;
	return err_prefix(r->e, ERR_SYSTEM, "can't keep the altered %s", path);
}

static int mend(struct repair_run *r, const struct repair_named *n, const char *path,
		const struct wire_out *was)
{
	struct repair_of of = {.document = n->serial, .what = "document", .path = path};
	struct wire_out good = {0}, again = {0};
	int rc = read_good(r->from->dir, path, n, &good, r->e);

	memcpy(of.digest, n->digest, 32);
	of.length = rc ? 0 : good.n;
	if (rc == ERR_NOMEM || rc == ERR_SYSTEM)
		goto out;
	rc = repair_note(r, &of, rc == 0);
	if (rc || r->ask->dry_run || of.length == 0)
		goto out;
	rc = set_aside(r, path, was);
	if (rc == 0)
		rc = file_replace(r->b.a->dir, path, good.p, good.n, MODE, r->e);
	if (rc == 0)
		rc = read_good(r->b.a->dir, path, n, &again, r->e);
	if (rc == ERR_DAMAGED)
		rc = err_set(r->e, ERR_SYSTEM, "%s does not keep what is written to it", path);
	if (rc == 0)
		rc = repair_done(r, &of);
out:
	wire_out_free(&good);
	wire_out_free(&again);
	return rc;
}

static int check(struct repair_run *r, const struct repair_named *n)
{
	struct wire_out now = {0};
	char id[33], path[96];
	int rc;

	text_hex(id, n->serial, 16);
	snprintf(path, sizeof(path), "documents/%s.%s", id, n->kind);
	rc = read_good(r->b.a->dir, path, n, &now, r->e);
	if (rc == ERR_DAMAGED || rc == ERR_NOTFOUND || rc == ERR_MALFORMED)
		rc = mend(r, n, path, &now);
	wire_out_free(&now);
	return rc;
}

/* The version of archive.txt that is in force lies elsewhere, and is not one that is kept. */
static bool in_force(const struct repair_run *r, const struct repair_named *n)
{
	return memcmp(n->serial, r->b.a->desc.id, 16) == 0 &&
	       memcmp(n->digest, r->b.a->text.digest, 32) == 0;
}

int repair_documents(struct repair_run *r)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->nameds; i++)
		if (!in_force(r, &r->named[i]) && !strchr(r->named[i].kind, '/'))
			rc = check(r, &r->named[i]);
	return rc;
}
