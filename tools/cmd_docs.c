// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_docs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fs/archive_history.h"
#include "tools/ui_keys.h"

#define PRINT_PREFIX "SHA256:"

/* ---- officers ---- */

static void key_digest(uint8_t digest[32], const struct sshkey *k)
{
	struct wire_out blob = {0};

	sshkey_blob(&blob, k);
	hash_sha256(digest, blob.p, blob.n);
	wire_out_free(&blob);
}

int cmd_officer(struct cmd_officer *out, const char *arg, struct err *e)
{
	const size_t skip = sizeof(PRINT_PREFIX) - 1;
	struct sshkey key[ARCHIVE_KEYS_MAX];
	size_t n = 0;
	int rc;

	if (strncmp(arg, PRINT_PREFIX, skip) == 0) {
		struct text_span s = {arg + skip, strlen(arg + skip)};

		if (text_unbase64_raw(s, out->digest, 32) != 32)
			return err_set(e, ERR_USAGE,
				       "%s is no fingerprint as ssh-keygen -l prints it", arg);
		snprintf(out->name, sizeof(out->name), "%s", arg);
		return 0;
	}
	rc = ui_keys_read(key, &n, arg, e);
	if (rc)
		return rc;
	if (n != 1)
		return err_set(e, ERR_USAGE, "%s has %zu keys: give the fingerprint of one", arg,
			       n);
	key_digest(out->digest, &key[0]);
	sshkey_fingerprint(out->name, &key[0]);
	return 0;
}

bool cmd_doc_signer(const struct document *d, size_t i, struct cmd_officer *out)
{
	static const char *const spaces[] = {DOCUMENT_NS_AUTHORISE, DOCUMENT_NS_ENROL,
					     DOCUMENT_NS_REVOKE,    DOCUMENT_NS_TRANSFER,
					     DOCUMENT_NS_RESTORE,   DOCUMENT_NS_ARCHIVE};
	struct sshsig sig;

	for (size_t k = 0; k < sizeof(spaces) / sizeof(spaces[0]); k++) {
		const struct sshsig_policy p = {.namespace = spaces[k]};

		if (sshsig_verify(&sig, d->sig[i], d->text.p, d->text.n, &p, NULL))
			continue;
		key_digest(out->digest, &sig.key);
		sshkey_fingerprint(out->name, &sig.key);
		return true;
	}
	return false;
}

static bool has_key(const struct archive_desc *d, const struct cmd_officer *o)
{
	char print[SSHKEY_FINGERPRINT_SIZE];

	for (size_t i = 0; i < d->keys; i++) {
		sshkey_fingerprint(print, &d->key[i]);
		if (strcmp(print, o->name) == 0)
			return true;
	}
	return false;
}

int cmd_officer_known(const struct cmd_officer *o, const struct archive *a, struct err *e)
{
	struct archive_history h = {0};
	int rc = archive_history_load(&h, a->documents, &a->desc, e);
	bool known = rc == 0 && has_key(&a->desc, o);

	for (size_t i = 0; rc == 0 && !known && i < h.n; i++)
		known = has_key(&h.version[i].desc, o);
	archive_history_free(&h);
	return rc || known ? rc :
			     err_set(e, ERR_NOTFOUND,
				     "%s is in no version of archive.txt: it is no officer of this "
				     "archive, or another key of theirs",
				     o->name);
}

static bool is_signed_by(const struct document *d, const struct cmd_officer *o)
{
	struct cmd_officer who;

	for (size_t i = 0; i < d->sigs; i++) {
		if (cmd_doc_signer(d, i, &who) && memcmp(who.digest, o->digest, 32) == 0)
			return true;
	}
	return false;
}

/* ---- documents ---- */

static void tell(struct cmd_notice *notice, const struct cmd_doc *d, const char *what)
{
	char serial[33], sentence[500];

	text_hex(serial, d->line->ev.document, 16);
	snprintf(sentence, sizeof(sentence),
		 "the %.32s %s, admitted by %s, can't be looked at, and may belong to the answer: "
		 "%.150s",
		 d->kind, serial, d->line->name, what);
	notice->n++;
	notice->say(notice->ctx, sentence);
}

/* As the gate decides: by id and commitment, or by the accession. */
static bool covers(const struct authorisation *a, const struct cmd_docs_item *it)
{
	for (size_t i = 0; i < a->items; i++) {
		if (memcmp(a->item[i].id, it->id, 16) == 0 &&
		    memcmp(a->item[i].commitment, it->commitment, 32) == 0)
			return true;
	}
	for (size_t i = 0; i < a->accessions; i++) {
		if (memcmp(a->accession[i], it->accession, 16) == 0)
			return true;
	}
	return false;
}

static bool fits(const struct cmd_docs_ask *ask, const struct cmd_doc *doc)
{
	const struct document *d = &doc->doc;
	struct text_span v;

	if (ask->covers && !covers(&doc->terms, ask->covers))
		return false;

	if (ask->case_no && !(document_value(d, "case", &v) && text_is(v, ask->case_no)))
		return false;
	return !ask->officer || is_signed_by(d, ask->officer);
}

static int one(const struct cmd_view *v, const struct cmd_docs_ask *ask,
	       const struct cmd_merge_line *line, struct cmd_notice *notice,
	       int (*cb)(void *ctx, const struct cmd_doc *d), void *ctx)
{
	struct cmd_doc d = {.line = line};
	struct err why = {0};
	int rc;

	d.kind = line->ev.type == EVENT_ENROLLED ? "enrolment" : line->ev.kind;
	if (ask->kind && strcmp(ask->kind, d.kind) != 0)
		return 0;
	/* A version of archive.txt releases nothing, and lies elsewhere while it is in force. */
	if (strncmp(d.kind, "archive-", 8) == 0)
		return 0;
	rc = document_load(&d.doc, v->archive->documents, line->ev.document, d.kind, &why);
	if (rc == 0 && memcmp(d.doc.digest, line->ev.digest, 32) != 0)
		rc = err_set(&why, ERR_DAMAGED, "it is not the one that was admitted");
	if (rc == 0 && strcmp(d.kind, "authorisation") == 0)
		rc = authorisation_parse(&d.terms, &d.doc, &why);
	if (rc && rc != ERR_NOMEM) {
		tell(notice, &d, why.text);
		rc = 0;
	} else if (rc == 0 && fits(ask, &d)) {
		rc = cb(ctx, &d);
	}
	authorisation_free(&d.terms);
	document_free(&d.doc);
	return rc;
}

int cmd_docs_each(const struct cmd_view *v, const struct cmd_docs_ask *ask,
		  struct cmd_notice *notice, int (*cb)(void *ctx, const struct cmd_doc *d),
		  void *ctx, struct err *e)
{
	struct cmd_ask what = CMD_ASK_ALL;
	uint8_t item[16 + 32];
	struct posting hint[3];
	const struct cmd_merge_line *line;
	struct cmd_merge *m;
	int rc;

	what.journal = ask->journal;
	what.wary = true;
	what.to_ms = ask->to_ms;
	what.types = what.type[EVENT_ADMITTED] = what.type[EVENT_ENROLLED] = true;
	/* One of them narrows enough; all are looked at in the document. */
	if (ask->covers) {
		memcpy(item, ask->covers->id, 16);
		memcpy(item + 16, ask->covers->commitment, 32);
		hint[what.hints++] = (struct posting){POSTING_COVERS, item, sizeof(item)};
		hint[what.hints++] = (struct posting){POSTING_COVERS, ask->covers->accession, 16};
	} else if (ask->officer)
		hint[what.hints++] = (struct posting){POSTING_SIGNER, ask->officer->digest, 32};
	else if (ask->case_no)
		hint[what.hints++] = (struct posting){POSTING_CASE, ask->case_no,
						      strlen(ask->case_no)};
	if (what.hints)
		hint[what.hints++] = (struct posting){POSTING_UNREAD, "", 0};
	what.hint = hint;
	rc = cmd_merge_open(&m, v->archive, v->roster, v->station ? v->station->db : NULL, &what,
			    e);
	while (rc == 0 && (line = cmd_merge_next(m, notice)))
		rc = one(v, ask, line, notice, cb, ctx);
	if (rc == 0)
		rc = cmd_merge_failed(m, e);
	cmd_merge_close(m);
	return rc;
}

/* ---- by serial ---- */

static bool is_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}

int cmd_find_document(const struct archive *a, const char *arg, uint8_t serial[16], struct err *e)
{
	size_t n = strlen(arg), found = 0;
	int fd;
	DIR *dir;
	const struct dirent *en;

	if (text_unhex((struct text_span){arg, n}, serial, 16))
		return 0;
	if (n < 4 || n > 32 || !is_hex(arg, n))
		return err_set(
			e, ERR_USAGE,
			"%s: a serial has 32 lower-case hex digits; four do, where they name "
			"one document",
			arg);
	fd = openat(a->documents, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return err_sys(e, "can't list the documents of %s", a->path);
	}
	while ((en = readdir(dir))) {
		if (strncmp(en->d_name, arg, n) == 0 && strlen(en->d_name) > 33 &&
		    en->d_name[32] == '.' && is_hex(en->d_name, 32) &&
		    text_unhex((struct text_span){en->d_name, 32}, serial, 16))
			found++;
	}
	closedir(dir);
	if (found > 1)
		return err_set(e, ERR_USAGE, "%s: %zu documents begin so: give more digits", arg,
			       found);
	return found ? 0 : err_set(e, ERR_NOTFOUND, "%s: no document begins so", arg);
}
