/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/transfer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/in_force.h"
#include "index/ledger.h"

static int check_ids(const struct archive *a, const uint8_t archive[16], const uint8_t is[16],
		     const uint8_t serial[16], struct err *e)
{
	if (memcmp(archive, a->desc.id, 16) != 0)
		return err_set(e, ERR_WRONG_ARCHIVE, "it is for another archive");
	if (memcmp(is, serial, 16) != 0)
		return err_set(e, ERR_FOREIGN, "its serial is another");
	return 0;
}

/* By the officers of the version in force, or of one before: what is new is judged by an import. */
static int check_officers(const struct document *d, const struct archive *a, struct err *e)
{
	struct archive_history h = {0};
	int rc = archive_history_load(&h, a->documents, &a->desc, e);

	if (rc == 0)
		rc = archive_history_check(&h, &a->desc, d, DOCUMENT_NS_TRANSFER, NULL, e);
	archive_history_free(&h);
	return rc;
}

int transfer_check_release(struct transfer_release *r, const struct document *d,
			   const struct archive *a, const uint8_t serial[16], struct err *e)
{
	int rc = transfer_release_parse(r, d, e);

	if (rc)
		return rc;
	rc = check_ids(a, r->archive, r->serial, serial, e);
	if (rc == 0)
		rc = check_officers(d, a, e);
	if (rc)
		transfer_release_free(r);
	return rc;
}

/* Signed by those whom the release names, and about what it names. */
static int check_answer(const struct transfer_receipt *rec, const struct document *d,
			const struct transfer_release *rel, const uint8_t digest[32],
			const struct archive *a, struct err *e)
{
	const struct document_policy p = {.namespace = DOCUMENT_NS_TRANSFER,
					  .keys = rel->key,
					  .nkeys = rel->keys,
					  .threshold = rel->threshold,
					  .require_touch = a->desc.require_touch,
					  .require_pin = a->desc.require_pin};
	int rc = transfer_receipt_fits(rel, digest, rec, e);

	if (rc)
		return rc;
	rc = document_check(d, &p, NULL, NULL, e);
	return rc ? err_prefix(e, rc, "the keys that its release names sign it") : 0;
}

int transfer_check_receipt(struct transfer_receipt *r, const struct document *d,
			   const struct archive *a, const uint8_t serial[16], struct err *e)
{
	struct transfer_release rel;
	struct document doc;
	int rc = transfer_receipt_parse(r, d, e);

	if (rc)
		return rc;
	rc = check_ids(a, r->archive, r->serial, serial, e);
	if (rc == 0) {
		rc = document_load(&doc, a->documents, r->release, TRANSFER_RELEASE, e);
		if (rc == ERR_NOTFOUND)
			rc = err_set(e, ERR_NOT_COVERED,
				     "the release that it answers is not here: import that first");
		if (rc == 0) {
			rc = transfer_check_release(&rel, &doc, a, r->release, e);
			if (rc == 0) {
				rc = check_answer(r, d, &rel, doc.digest, a, e);
				transfer_release_free(&rel);
			} else {
				err_prefix(e, rc, "its release");
			}
			document_free(&doc);
		}
	}
	if (rc)
		transfer_receipt_free(r);
	return rc;
}

/* ---- all of an archive ---- */

void transfers_free(struct transfers *t)
{
	for (size_t i = 0; i < t->n; i++) {
		transfer_release_free(&t->list[i].release);
		transfer_receipt_free(&t->list[i].receipt);
	}
	free(t->list);
	*t = (struct transfers){0};
}

bool transfer_covers(const struct transfer *t, const uint8_t accession[16])
{
	for (size_t i = 0; i < t->release.accessions; i++)
		if (memcmp(t->release.accession[i].id, accession, 16) == 0)
			return true;
	return false;
}

struct listing {
	struct transfers *out;
	const struct archive *a;
	struct db_txn *txn; /* NULL: what was admitted is not known */
	struct in_force force;
	size_t known; /* documents that are admitted and there, whether they count or not */
};

/* When it was admitted; ERR_NOTFOUND if it was not, or is another document. */
static int find_admission(const struct listing *l, const struct document *d,
			  const uint8_t serial[16], const char *kind, int64_t *ms, struct err *e)
{
	struct ledger_document doc;
	int rc;

	*ms = 0;
	if (!l->txn)
		return 0;
	rc = ledger_get_document(NULL, l->txn, serial, &doc, e);
	if (rc == 0 && (strcmp(doc.kind, kind) != 0 || memcmp(doc.digest, d->digest, 32) != 0))
		rc = ERR_NOTFOUND;
	if (rc == 0)
		*ms = doc.admitted_ms;
	return rc;
}

/* A log may be of a node that admits what keys sign that are out: that is no release. */
static int add_release(struct listing *l, const struct document *d, const uint8_t serial[16],
		       int64_t ms, struct err *e)
{
	struct transfers *t = l->out;
	struct transfer *list;
	int rc = 0;

	list = reallocarray(t->list, t->n + 1, sizeof(*list));
	if (!list)
		return err_set(e, ERR_NOMEM, "out of memory");
	t->list = list;
	memset(&list[t->n], 0, sizeof(*list));
	list[t->n].released_ms = ms;
	if (transfer_check_release(&list[t->n].release, d, l->a, serial, NULL) != 0)
		return 0;
	l->known++;
	if (l->txn)
		rc = in_force_check(&l->force, d, DOCUMENT_NS_TRANSFER, serial, NULL, e);
	if (rc) {
		transfer_release_free(&list[t->n].release);
		t->unjudged += rc == ERR_UNSUPPORTED;
		return rc == ERR_NOMEM || rc == ERR_INDEX ? rc : 0;
	}
	t->n++;
	return 0;
}

/* Does it take the place of the other one? */
static bool worse(const struct transfer_receipt *r, const struct transfer_receipt *than,
		  bool earlier)
{
	return r->match != than->match ? !r->match : earlier;
}

/* The first receipt counts: another one is never admitted. Where a log says that one was, what did not
 * arrive as it was stays so, whatever times stand there. */
static void add_receipt(struct listing *l, const struct document *d, const uint8_t serial[16],
			int64_t ms)
{
	struct transfer_receipt r;

	if (transfer_check_receipt(&r, d, l->a, serial, NULL) != 0)
		return;
	l->known++;
	for (size_t i = 0; i < l->out->n; i++) {
		struct transfer *t = &l->out->list[i];

		if (memcmp(t->release.serial, r.release, 16) != 0 ||
		    (t->received && !worse(&r, &t->receipt, ms < t->received_ms)))
			continue;
		transfer_receipt_free(&t->receipt);
		t->received = true;
		t->receipt = r;
		t->received_ms = ms;
		return;
	}
	transfer_receipt_free(&r);
}

static int take_file(struct listing *l, const char *name, const char *kind, struct err *e)
{
	const char *dot = strchr(name, '.');
	struct document d;
	uint8_t serial[16];
	int64_t ms;
	int rc;

	if (!dot || strcmp(dot + 1, kind) != 0 ||
	    !text_unhex((struct text_span){name, (size_t)(dot - name)}, serial, 16))
		return 0;
	rc = document_load(&d, l->a->documents, serial, kind, NULL);
	if (rc)
		return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : 0;
	rc = find_admission(l, &d, serial, kind, &ms, e);
	if (rc == 0 && strcmp(kind, TRANSFER_RELEASE) == 0)
		rc = add_release(l, &d, serial, ms, e);
	else if (rc == 0)
		add_receipt(l, &d, serial, ms);
	document_free(&d);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

static int take_files(struct listing *l, const char *kind, struct err *e)
{
	int fd = openat(l->a->documents, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *en;
	int rc = 0;

	if (!dir) {
		rc = err_sys(e, "can't list the documents of the archive");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, en = readdir(dir)))
		rc = take_file(l, en->d_name, kind, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't list the documents of the archive");
	closedir(dir);
	return rc;
}

static int count_admitted(void *ctx, const struct ledger_document *d)
{
	size_t *n = ctx;

	*n += !strcmp(d->kind, TRANSFER_RELEASE) || !strcmp(d->kind, TRANSFER_RECEIPT);
	return 0;
}

static int by_issue(const void *a, const void *b)
{
	const struct transfer_release *x = &((const struct transfer *)a)->release;
	const struct transfer_release *y = &((const struct transfer *)b)->release;

	if (x->issued_ms != y->issued_ms)
		return x->issued_ms < y->issued_ms ? -1 : 1;
	return memcmp(x->serial, y->serial, 16);
}

int transfer_list(struct transfers *out, const struct archive *a, const struct roster *roster,
		  struct db *db, struct err *e)
{
	struct archive_history h = {0};
	struct listing l = {.out = out, .a = a, .force = {a, &h, roster, db}};
	size_t admitted = 0;
	int rc = db ? db_begin(&l.txn, db, false, e) : 0;

	*out = (struct transfers){0};
	if (rc == 0)
		rc = archive_history_load(&h, a->documents, &a->desc, e);
	if (rc == 0)
		rc = take_files(&l, TRANSFER_RELEASE, e);
	if (rc == 0)
		rc = take_files(&l, TRANSFER_RECEIPT, e);
	if (rc == 0 && db)
		rc = ledger_documents(l.txn, count_admitted, &admitted, e);
	db_abort(l.txn);
	archive_history_free(&h);
	if (rc) {
		transfers_free(out);
		return rc;
	}
	out->lost = admitted > l.known ? admitted - l.known : 0;
	if (out->n)
		qsort(out->list, out->n, sizeof(*out->list), by_issue);
	return 0;
}
