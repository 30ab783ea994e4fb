/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node keeps of one archive: the pinned archive.txt and its own standing.
 */
#include "fs/node.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/node_sealed.h"
#include "index/file.h"

#define DESC_MAX (1u << 20)
#define STATE_MAGIC "CUSTNST1"

/* Descriptor of archives/<id>, made if `create`. */
static int open_home(const struct node *n, const uint8_t id[16], bool create, struct err *e)
{
	char path[48], hex[33];
	int rc = 0, fd;

	text_hex(hex, id, 16);
	snprintf(path, sizeof(path), "archives/%s", hex);
	if (create) {
		rc = file_mkdir(node_dirfd(n), "archives", 0700, e);
		if (rc == 0)
			rc = file_mkdir(node_dirfd(n), path, 0700, e);
		if (rc == 0)
			rc = file_sync_dir(node_dirfd(n), e);
	}
	if (rc)
		return err_prefix(e, rc, "%s", node_dir(n));
	fd = file_opendir(node_dirfd(n), path, e);
	return fd < 0 ? err_prefix(e, fd, "%s", node_dir(n)) : fd;
}

/* ---- the pinned archive.txt ---- */

static int read_pin(int home, struct document *doc, struct archive_desc *desc, struct err *e)
{
	struct wire_out bytes = {0};
	int rc;

	*doc = (struct document){0};
	rc = file_read(home, "archive.txt", DESC_MAX, &bytes, e);
	if (rc == 0)
		rc = document_parse(doc, bytes.p, bytes.n, e);
	if (rc == 0)
		rc = archive_desc_parse(desc, doc, NULL, e);
	if (rc)
		document_free(doc);
	wire_out_free(&bytes);
	return rc;
}

/* The version after *desc, which it must follow by signatures: archive.txt itself, or one that it
 * superseded. */
static int next_version(const struct archive *a, const struct archive_desc *desc,
			struct document *doc, struct archive_desc *next, struct err *e)
{
	const uint32_t version = desc->version + 1;
	char kind[32];
	int rc;

	snprintf(kind, sizeof(kind), "archive-%" PRIu32, version);
	if (version == a->desc.version)
		rc = document_parse(doc, a->text.bytes.p, a->text.bytes.n, e);
	else
		rc = document_load(doc, a->documents, a->desc.id, kind, e);
	if (rc)
		return rc;
	rc = archive_desc_parse(next, doc, desc, e);
	if (rc)
		document_free(doc);
	return rc;
}

/* Walk from the pinned version to the archive's, each signed by the keys of the one before. */
static int walk_versions(const struct archive *a, struct archive_desc *desc, struct err *e)
{
	struct archive_desc next;
	struct document doc;
	int rc = 0;

	while (rc == 0 && desc->version < a->desc.version) {
		rc = next_version(a, desc, &doc, &next, e);
		if (rc == 0) {
			document_free(&doc);
			*desc = next;
		}
	}
	return rc;
}

/* The archive against the pin, which may be of an earlier version. */
static int check_pin(int home, const struct archive *a, struct err *e)
{
	struct archive_desc desc;
	struct document doc;
	int rc;

	rc = read_pin(home, &doc, &desc, e);
	if (rc == ERR_NOTFOUND)
		return rc;
	if (rc)
		return err_prefix(e, rc, "the pinned archive.txt");
	if (memcmp(doc.digest, a->text.digest, sizeof(doc.digest)) == 0)
		goto out;
	if (a->desc.version < desc.version)
		rc = err_set(
			e, ERR_ROLLBACK,
			"%s: archive.txt is of version %" PRIu32 ", but version %" PRIu32
			" was seen before; after a restore, put the newer one back, which this "
			"node has as archives/<archive id>/archive.txt, and what it has as "
			"archive-N.txt as documents/<archive id>.archive-N",
			a->path, a->desc.version, desc.version);
	else if (a->desc.version == desc.version)
		rc = err_set(e, ERR_FOREIGN,
			     "%s: archive.txt is not the one this node has seen before", a->path);
	else
		rc = walk_versions(a, &desc, e);
	if (rc == ERR_NOTFOUND || rc == ERR_TOO_FEW)
		rc = err_set(e, ERR_FOREIGN,
			     "%s: no signatures lead from the archive.txt this node has seen to "
			     "version %" PRIu32,
			     a->path, a->desc.version);
out:
	document_free(&doc);
	return rc;
}

int node_archive_check(struct node_archive *na, const struct archive *a, struct err *e)
{
	return check_pin(na->dir, a, e);
}

/* Keep the version that is pinned beside what takes its place: `next`. */
static int move_pin(int home, const struct document *pinned, uint32_t version,
		    const struct document *next, struct err *e)
{
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "archive-%" PRIu32 ".txt", version);
	rc = file_replace(home, name, pinned->bytes.p, pinned->bytes.n, 0600, e);
	return rc ? rc : file_replace(home, "archive.txt", next->bytes.p, next->bytes.n, 0600, e);
}

/* One step. 1 if there was one to take. */
static int follow_one(struct node_archive *na, const struct archive *a, node_archive_step *step,
		      void *ctx, struct err *e)
{
	struct document pinned = {0}, doc = {0};
	struct archive_desc desc, next;
	int rc = read_pin(na->dir, &pinned, &desc, e);

	if (rc)
		return rc;
	if (desc.version < a->desc.version) {
		rc = next_version(a, &desc, &doc, &next, e);
		if (rc == 0)
			rc = step(ctx, next.version, doc.digest, e);
		if (rc == 0)
			rc = move_pin(na->dir, &pinned, desc.version, &doc, e);
		rc = rc ? rc : 1;
	}
	document_free(&doc);
	document_free(&pinned);
	return rc;
}

int node_archive_follow(struct node_archive *na, const struct archive *a, node_archive_step *step,
			void *ctx, struct err *e)
{
	int fd, rc = check_pin(na->dir, a, e);

	if (rc)
		return rc;
	fd = openat(na->dir, "archive.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "can't open archive.lock of the node");
	rc = file_lock(fd, true, true, e);
	if (rc == 0) {
		do
			rc = follow_one(na, a, step, ctx, e);
		while (rc > 0);
	}
	close(fd);
	return rc;
}

int node_archive_pin(struct node *n, const struct archive *a, struct err *e)
{
	int home = open_home(n, a->desc.id, true, e);
	int rc;

	if (home < 0)
		return home;
	rc = check_pin(home, a, e);
	if (rc == ERR_NOTFOUND) {
		rc = file_create(home, "archive.txt", a->text.bytes.p, a->text.bytes.n, 0600, e);
		if (rc == ERR_EXISTS)
			rc = check_pin(home, a, e);
	}
	close(home);
	return rc;
}

/* ---- the node's standing ---- */

static int keep_catalogue(struct node_archive *na, const uint8_t catalogue[32], struct err *e)
{
	if (!na->catalogue)
		na->catalogue = secret_take(node_pool(na->node), 32);
	if (!na->catalogue)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	memcpy(na->catalogue, catalogue, 32);
	return 0;
}

/* u32 roles, enrolment serial[16], u8 has catalogue, [secret 32] */
static int load_state(struct node_archive *na, struct err *e)
{
	struct wire_out state = {0};
	const uint8_t *secret = NULL;
	struct wire_in in;
	int rc;

	rc = node_sealed_read(na, "state.seal", STATE_MAGIC, &state, e);
	if (rc) {
		rc = rc == ERR_NOTFOUND ? 0 : rc; /* not enrolled yet */
		goto out;
	}
	in = wire_in_init(state.p, state.n);
	na->roles = wire_in_u32(&in);
	wire_in_copy(&in, na->enrolment, sizeof(na->enrolment));
	if (wire_in_u8(&in))
		secret = wire_in_bytes(&in, 32);
	if (!wire_in_end(&in))
		rc = err_set(e, ERR_MALFORMED, "state.seal of the node is malformed");
	else if (secret)
		rc = keep_catalogue(na, secret, e);
out:
	wire_out_wipe(&state);
	return rc;
}

int node_archive_enrol(struct node_archive *na, unsigned roles, const uint8_t serial[16],
		       const uint8_t catalogue[32], struct err *e)
{
	struct wire_out state = {0};
	int rc;

	wire_out_u32(&state, roles);
	wire_out_bytes(&state, serial, 16);
	wire_out_u8(&state, catalogue != NULL);
	if (catalogue)
		wire_out_bytes(&state, catalogue, 32);
	rc = node_sealed_write(na, "state.seal", STATE_MAGIC, &state, e);
	wire_out_wipe(&state);
	if (rc)
		return rc;
	na->roles = roles;
	memcpy(na->enrolment, serial, sizeof(na->enrolment));
	if (catalogue)
		return keep_catalogue(na, catalogue, e);
	secret_give(node_pool(na->node), na->catalogue);
	na->catalogue = NULL;
	return 0;
}

int node_archive_open(struct node_archive **out, struct node *n, const struct archive *a,
		      struct err *e)
{
	struct node_archive *na = calloc(1, sizeof(*na));
	char hex[33];
	int rc;

	*out = NULL;
	if (!na)
		return err_set(e, ERR_NOMEM, "out of memory");
	memcpy(na->archive_id, a->desc.id, sizeof(na->archive_id));
	na->node = n;
	text_hex(hex, na->archive_id, 16);
	na->dir = open_home(n, na->archive_id, false, e);
	rc = na->dir < 0 ? na->dir : check_pin(na->dir, a, e);
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, ERR_NOT_ENROLLED,
			     "this node has never met %s: run 'custody node-init' first", a->path);
	na->version = a->desc.version;
	if (rc == 0 && asprintf(&na->index_dir, "%s/archives/%s/index", node_dir(n), hex) < 0) {
		na->index_dir = NULL;
		rc = err_set(e, ERR_NOMEM, "out of memory");
	}
	if (rc == 0)
		rc = load_state(na, e);
	if (rc == 0)
		rc = node_pins_restored_ms(na, e);
	if (rc) {
		node_archive_close(na);
		return rc;
	}
	*out = na;
	return 0;
}

void node_archive_close(struct node_archive *na)
{
	if (!na)
		return;
	if (na->dir >= 0)
		close(na->dir);
	secret_give(node_pool(na->node), na->catalogue);
	free(na->index_dir);
	free(na);
}
