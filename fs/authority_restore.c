/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the evidence of a node to an acceptance of its restore.
 */
#include "fs/authority_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "index/file.h"

struct finder {
	struct authority *a;
	const uint8_t *archive;
};

static int find_node(void *ctx, const uint8_t node[16], struct roster_node *out)
{
	struct finder *f = ctx;

	return authority_find_node(f->a, f->archive, node, out);
}

int authority_read_evidence(struct authority *a, struct evidence *v, const void *p, size_t n,
			    struct err *e)
{
	struct finder f = {.a = a, .archive = v->archive};

	return evidence_parse(v, p, n, find_node, &f, e);
}

/* ---- the revocations that must be there ---- */

static int add_revocation(struct restore *r, int dir, const char *name)
{
	const char *kind = strchr(name, '.');
	struct wire_out file = {0};
	struct restore_revocation *grown;
	struct document d = {0};
	uint8_t serial[16];
	int rc = 0;

	if (!kind || strcmp(kind, ".revocation") != 0 ||
	    !text_unhex((struct text_span){name, (size_t)(kind - name)}, serial, 16))
		return 0;
	if (file_read(dir, name, DOCUMENT_MAX, &file, NULL) == 0 &&
	    document_parse(&d, file.p, file.n, NULL) == 0) {
		grown = reallocarray(r->revocation, r->revocations + 1, sizeof(*grown));
		if (grown) {
			r->revocation = grown;
			memcpy(grown[r->revocations].serial, serial, 16);
			hash_sha256(grown[r->revocations++].text, d.text.p, d.text.n);
		}
		rc = grown ? 0 : ERR_NOMEM;
	}
	document_free(&d);
	wire_out_free(&file);
	return rc;
}

static int by_serial(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int add_revocations(struct authority *a, struct restore *r, struct err *e)
{
	int fd = authority_archive_dir(a, r->archive, "issued", true, e), rc = 0;
	struct dirent *en;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "can't read what was issued");
	}
	while (rc == 0 && (en = readdir(dir)))
		rc = add_revocation(r, fd, en->d_name);
	closedir(dir);
	if (r->revocations)
		qsort(r->revocation, r->revocations, sizeof(*r->revocation), by_serial);
	return rc ? err_set(e, rc, "out of memory") : 0;
}

int authority_restore(struct authority *a, struct document *out, const struct evidence *v,
		      const char *reason, uint8_t serial[16], int64_t now_ms, struct err *e)
{
	struct restore r = {.issued_ms = now_ms};
	struct wire_out text = {0};
	int rc;

	*out = (struct document){0};
	secret_random(serial, 16);
	memcpy(r.archive, v->archive, 16);
	memcpy(r.serial, serial, 16);
	memcpy(r.node, v->node, 16);
	snprintf(r.reason, sizeof(r.reason), "%s", reason);
	r.log = calloc(v->logs, sizeof(*r.log));
	rc = r.log ? add_revocations(a, &r, e) : err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < v->logs; i++) {
		r.log[i].pinned = v->log[i].seen_at;
		r.log[i].accepted = v->log[i].present_at;
		r.logs++;
	}
	if (rc == 0) {
		restore_text(&text, &r);
		rc = document_make(out, &text, NULL, 0, e);
	}
	wire_out_free(&text);
	restore_free(&r);
	return rc;
}

/* ---- what the authority saw itself ---- */

static int keep_evidence(struct authority *a, const uint8_t archive[16], const uint8_t serial[16],
			 const struct evidence *v, struct err *e)
{
	int dir = authority_archive_dir(a, archive, "issued", true, e), rc;
	char hex[33], path[64];

	if (dir < 0)
		return dir;
	text_hex(hex, serial, 16);
	snprintf(path, sizeof(path), "%s.evidence", hex);
	rc = file_replace(dir, path, v->bytes.p, v->bytes.n, 0600, e);
	close(dir);
	return rc;
}

/* From now on a log may be what was accepted: that is what was seen last of it, unless more was seen
 * since on the same way. */
static int see(int dir, const struct evidence_log *l, struct err *e)
{
	struct wire_out file = {0};
	struct note_checkpoint seen;
	struct text_span text, sigs;
	char hex[33], path[64];
	int rc;

	text_hex(hex, l->node, 16);
	snprintf(path, sizeof(path), "%s.checkpoint", hex);
	rc = file_read(dir, path, 65536, &file, e);
	if (rc == 0 &&
	    (note_split((struct text_span){(const char *)file.p, file.n}, &text, &sigs) != 0 ||
	     note_checkpoint_parse(&seen, text) != 0))
		rc = err_set(e, ERR_DAMAGED, "seen/%s of the authority is damaged", path);
	wire_out_free(&file);
	if (rc)
		return rc == ERR_NOTFOUND ? 0 : rc;
	if (seen.size < l->present_at.size)
		return 0;
	if (l->present.n)
		return file_replace(dir, path, l->present.p, l->present.n, 0600, e);
	return unlinkat(dir, path, 0) == 0 ? file_sync_dir(dir, e) : err_sys(e, "seen/%s", path);
}

static int see_all(struct authority *a, const struct evidence *v, struct err *e)
{
	int dir = authority_archive_dir(a, v->archive, "seen", true, e), rc = 0;

	if (dir < 0)
		return dir;
	for (size_t i = 0; rc == 0 && i < v->logs; i++)
		rc = see(dir, &v->log[i], e);
	close(dir);
	return rc;
}

int authority_keep_restore(struct authority *a, const struct document *d, const uint8_t archive[16],
			   const uint8_t serial[16], const struct evidence *v, struct err *e)
{
	int rc = keep_evidence(a, archive, serial, v, e);

	return rc ? rc : authority_keep_issued(a, d, archive, serial, "restore", e);
}

int authority_accept_restore(struct authority *a, const struct document *d,
			     const uint8_t archive[16], const uint8_t serial[16], struct err *e)
{
	int dir = authority_archive_dir(a, archive, "issued", true, e);
	struct wire_out file = {0};
	struct evidence v = {.logs = 0};
	char hex[33], path[64];
	int rc;

	if (dir < 0)
		return dir;
	text_hex(hex, serial, 16);
	snprintf(path, sizeof(path), "%s.evidence", hex);
	rc = file_read(dir, path, EVIDENCE_MAX, &file, e);
	close(dir);
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, rc, "this restore was not begun here: issued/%s is missing", path);
	if (rc == 0)
		rc = authority_read_evidence(a, &v, file.p, file.n, e);
	if (rc == 0)
		rc = authority_keep_issued(a, d, archive, serial, "restore", e);
	if (rc == 0)
		rc = see_all(a, &v, e);
	evidence_free(&v);
	wire_out_free(&file);
	return rc;
}
