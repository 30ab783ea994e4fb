/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fs/authorisation.h"
#include "fs/cosigned.h"
#include "fs/transfer.h"
#include "fs/restore.h"
#include "fs/verify_internal.h"
#include "index/file.h"
#include "index/journal.h"

#define NOTE_MAX (64u << 10)

/* ---- anchors ---- */

bool verify_origin(const struct verify *v, const char *origin, uint8_t node[16])
{
	char expect[NOTE_NAME_MAX];
	const char *slash = strrchr(origin, '/');

	if (!slash || !text_unhex((struct text_span){slash + 1, strlen(slash + 1)}, node, 16))
		return false;
	journal_origin(expect, v->a->desc.id, node);
	return strcmp(origin, expect) == 0;
}

static int add_anchor(struct verify *v, const struct note_checkpoint *cp, const char *from,
		      struct err *e)
{
	struct verify_anchor *a;
	uint8_t node[16] = {0};

	if (!verify_origin(v, cp->origin, node))
		return verify_tell(v, NULL, ERR_DAMAGED,
				   "%s: it speaks of %s, another archive's log", from, cp->origin);
	a = verify_add(&v->anchors, sizeof(*a));
	if (!a)
		return err_set(e, ERR_NOMEM, "out of memory");
	memcpy(a->node, node, 16);
	memcpy(a->root, cp->root, 32);
	a->size = cp->size;
	snprintf(a->from, sizeof(a->from), "%s", from);
	return 0;
}

static int by_node_and_size(const void *a, const void *b)
{
	const struct verify_anchor *x = a, *y = b;
	int c = memcmp(x->node, y->node, 16);

	return c ? c : x->size < y->size ? -1 : x->size > y->size;
}

/* The note must be signed by its node, unless the archive does not know that node (any more), which
 * is told of where its journal is read. */
static int check_earlier(struct verify *v, struct text_span note, struct note_checkpoint *cp,
			 struct err *e)
{
	const char *path = v->ask->checkpoint;
	struct note_key key = {.type = NOTE_ED25519};
	const struct roster_node *n;
	struct text_span text, sigs;
	uint8_t node[16];

	if (note_split(note, &text, &sigs) || note_checkpoint_parse(cp, text))
		return err_set(e, ERR_MALFORMED, "%s is not a checkpoint", path);
	if (!verify_origin(v, cp->origin, node))
		return err_set(e, ERR_FOREIGN, "%s is a checkpoint of %s, not of this archive",
			       path, cp->origin);
	n = roster_find(v->roster, node);
	if (!n)
		return 0;
	memcpy(key.name, cp->origin, sizeof(key.name));
	memcpy(key.pk, n->pub.sign, sizeof(key.pk));
	if (note_verify(note, &key, &text, NULL) != 0)
		return err_set(e, ERR_FORGED, "%s is not signed by its node", path);
	return 0;
}

int verify_earlier(struct verify *v, struct err *e)
{
	struct wire_out b = {0};
	struct note_checkpoint cp = {.size = 0};
	int rc = file_read_path(v->ask->checkpoint, NOTE_MAX, &b, e);

	if (rc == 0)
		rc = check_earlier(v, (struct text_span){(const char *)b.p, b.n}, &cp, e);
	if (rc == 0)
		rc = add_anchor(v, &cp, "the earlier checkpoint", e);
	wire_out_free(&b);
	return rc;
}

/* ---- one document ---- */

/* By the archive.txt in force, or one before it: *version is the latest that it is good by. */
static int check_signed(const struct verify *v, const struct document *d, const char *namespace,
			uint32_t *version, struct err *e)
{
	return archive_history_check(&v->history, &v->a->desc, d, namespace, version, e);
}

static int check_authorisation(struct verify *v, const struct document *d, const uint8_t serial[16],
			       struct verify_document *out, struct err *e)
{
	struct authorisation a;
	char hex[33], from[72];
	int rc = authorisation_parse(&a, d, e);

	if (rc)
		return rc;
	if (memcmp(a.archive, v->a->desc.id, 16) != 0 || memcmp(a.serial, serial, 16) != 0)
		rc = err_set(e, ERR_FOREIGN, "its archive or serial is another");
	if (rc == 0)
		rc = check_signed(v, d, DOCUMENT_NS_AUTHORISE, &out->version, e);
	out->issued_ms = a.issued_ms;
	text_hex(hex, serial, 16);
	snprintf(from, sizeof(from), "authorisation %s", hex);
	for (size_t i = 0; i < a.checkpoints && rc == 0; i++)
		rc = add_anchor(v, &a.checkpoint[i], from, e);
	authorisation_free(&a);
	return rc;
}

/* What witnesses have cosigned: the node can't take it back, though it may have signed anew since. */
int verify_cosigned(struct verify *v, struct err *e)
{
	const size_t n = roster_count(v->roster);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct roster_node *node = roster_at(v->roster, i);
		struct err why = {0};
		struct cosigned c;
		char from[72];

		rc = cosigned_read(&c, NULL, v->a, &node->pub, &why);
		if (rc == 0) {
			snprintf(from, sizeof(from), "witness %.60s",
				 v->a->desc.witness[c.by[0].witness].name);
			rc = add_anchor(v, &c.cp, from, e);
		} else if (rc == ERR_NOTFOUND) {
			/* Witnesses of before, or strangers: still the node has signed it. */
			rc = c.cp.size ? add_anchor(v, &c.cp, "the cosigned checkpoint", e) : 0;
		} else if (rc == ERR_NOMEM) {
			return err_set(e, rc, "out of memory");
		} else {
			rc = verify_tell(v, NULL, err_exit(rc) == 5 ? ERR_DAMAGED : rc, "%s",
					 why.text);
		}
	}
	return rc;
}

static int check_revocation(const struct verify *v, const struct document *d,
			    const uint8_t serial[16], struct verify_document *out, struct err *e)
{
	struct authorisation_revocation r;
	int rc = authorisation_revocation_parse(&r, d, e);

	if (rc == 0 &&
	    (memcmp(r.archive, v->a->desc.id, 16) != 0 || memcmp(r.serial, serial, 16) != 0))
		rc = err_set(e, ERR_FOREIGN, "its archive or serial is another");
	if (rc)
		return rc;
	out->revokes = r.what;
	out->issued_ms = r.issued_ms;
	memcpy(out->target, r.target, 16);
	out->key = r.key;
	return check_signed(v, d, DOCUMENT_NS_REVOKE, &out->version, e);
}

/* The logs that it names were so long when it was signed. */
static int check_release(struct verify *v, const struct document *d, const uint8_t serial[16],
			 uint32_t *version, struct err *e)
{
	struct transfer_release r;
	char hex[33], from[72];
	int rc = transfer_check_release(&r, d, v->a, serial, e);

	if (rc)
		return rc;
	rc = check_signed(v, d, DOCUMENT_NS_TRANSFER, version, e);
	text_hex(hex, serial, 16);
	snprintf(from, sizeof(from), TRANSFER_RELEASE " %s", hex);
	for (size_t i = 0; i < r.checkpoints && rc == 0; i++)
		rc = add_anchor(v, &r.checkpoint[i], from, e);
	transfer_release_free(&r);
	return rc;
}

static int check_receipt(const struct verify *v, const struct document *d, const uint8_t serial[16],
			 struct err *e)
{
	struct transfer_receipt r;
	int rc = transfer_check_receipt(&r, d, v->a, serial, e);

	transfer_receipt_free(&r);
	return rc;
}

static int check_restore(const struct verify *v, const struct document *d, const uint8_t serial[16],
			 struct verify_document *out, struct err *e)
{
	struct restore r;
	int rc = restore_parse(&r, d, e);

	if (rc == 0 &&
	    (memcmp(r.archive, v->a->desc.id, 16) != 0 || memcmp(r.serial, serial, 16) != 0))
		rc = err_set(e, ERR_FOREIGN, "its archive or serial is another");
	if (rc == 0) {
		out->issued_ms = r.issued_ms;
		memcpy(out->target, r.node, 16);
	}
	restore_free(&r);
	return rc ? rc : check_signed(v, d, DOCUMENT_NS_RESTORE, &out->version, e);
}

static int check_enrolment(struct verify *v, const struct document *d, const uint8_t serial[16],
			   struct err *e)
{
	struct roster_node n;
	char hex[33], from[72];
	int rc = roster_enrolment_parse(&n, d, &v->a->desc, e);

	if (rc == 0 && memcmp(n.serial, serial, 16) != 0)
		rc = err_set(e, ERR_FOREIGN, "its serial is another");
	if (rc || !n.replaces.origin[0])
		return rc;
	/* Officers signed how far the log of the lost node went. */
	text_hex(hex, serial, 16);
	snprintf(from, sizeof(from), "enrolment %s", hex);
	return add_anchor(v, &n.replaces, from, e);
}

static int check_kind(struct verify *v, const struct document *d, const char *kind,
		      const uint8_t serial[16], struct verify_document *out, struct err *e)
{
	struct archive_desc desc;

	if (strcmp(kind, "authorisation") == 0)
		return check_authorisation(v, d, serial, out, e);
	if (strcmp(kind, "revocation") == 0)
		return check_revocation(v, d, serial, out, e);
	if (strcmp(kind, "enrolment") == 0)
		return check_enrolment(v, d, serial, e);
	if (strcmp(kind, TRANSFER_RELEASE) == 0)
		return check_release(v, d, serial, &out->version, e);
	if (strcmp(kind, TRANSFER_RECEIPT) == 0)
		return check_receipt(v, d, serial, e);
	if (strcmp(kind, "restore") == 0)
		return check_restore(v, d, serial, out, e);
	if (strncmp(kind, "archive-", 8) == 0)
		return archive_desc_parse(&desc, d, NULL, e);
	return err_set(e, ERR_NEWER, "a kind of document that this program does not know");
}

/* Look at documents/<serial>.<kind> and remember what was found. ERR_NOTFOUND if it is not there. */
static int look_at(struct verify *v, const uint8_t serial[16], const char *kind, struct err *e)
{
	struct verify_document *doc;
	struct document d = {0};
	struct err why = {0};
	int rc = document_load(&d, v->a->documents, serial, kind, &why);

	if (rc == ERR_NOTFOUND)
		return rc;
	doc = verify_add(&v->documents, sizeof(*doc));
	if (!doc) {
		document_free(&d);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (rc == 0) {
		memcpy(doc->digest, d.digest, 32);
		rc = check_kind(v, &d, kind, serial, doc, &why);
		document_free(&d);
	}
	v->sum->documents++;
	memcpy(doc->serial, serial, 16);
	snprintf(doc->kind, sizeof(doc->kind), "%s", kind);
	doc->code = rc;
	snprintf(doc->why, sizeof(doc->why), "%s", why.text);
	return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : 0;
}

/* ---- all documents ---- */

static int by_serial(const void *a, const void *b)
{
	const struct verify_document *x = a, *y = b;
	int c = memcmp(x->serial, y->serial, 16);

	return c ? c : strcmp(x->kind, y->kind);
}

static void sort_documents(struct verify *v)
{
	if (v->documents.n > 1)
		qsort(v->documents.p, v->documents.n, sizeof(struct verify_document), by_serial);
}

static int look_at_name(struct verify *v, const char *name, struct err *e)
{
	const char *kind = strchr(name, '.');
	struct text_span hex = {name, kind ? (size_t)(kind - name) : 0};
	uint8_t serial[16];
	int rc;

	if (name[0] == '.') /* the two dots, and what an interrupted write left */
		return 0;
	if (!kind || !text_unhex(hex, serial, 16) || strlen(kind + 1) >= 32) {
		verify_note(v, "documents/%s is not a document", name);
		return 0;
	}
	rc = look_at(v, serial, kind + 1, e);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

int verify_documents(struct verify *v, struct err *e)
{
	int fd = openat(v->a->documents, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *en;
	int rc = 0;

	if (!dir) {
		rc = err_sys(e, "can't list the documents of the archive");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, en = readdir(dir)))
		rc = look_at_name(v, en->d_name, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't list the documents of the archive");
	closedir(dir);
	sort_documents(v);
	if (v->anchors.n > 1)
		qsort(v->anchors.p, v->anchors.n, sizeof(struct verify_anchor), by_node_and_size);
	return rc;
}

int verify_document_get(struct verify *v, const uint8_t serial[16], const char *kind,
			struct verify_document **out, struct err *e)
{
	struct verify_document key = {.code = 0};
	int rc;

	memcpy(key.serial, serial, 16);
	snprintf(key.kind, sizeof(key.kind), "%s", kind);
	*out = v->documents.n ?
		       bsearch(&key, v->documents.p, v->documents.n, sizeof(key), by_serial) :
		       NULL;
	if (*out)
		return 0;
	rc = look_at(v, serial, kind, e);
	if (rc)
		return rc;
	sort_documents(v);
	*out = bsearch(&key, v->documents.p, v->documents.n, sizeof(key), by_serial);
	return 0;
}
