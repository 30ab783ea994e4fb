// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_docs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
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

/* Does it bear a good signature of the officer, as a document of any kind? */
static bool is_signed_by(const struct document *d, const struct cmd_officer *o)
{
	static const char *const spaces[] = {DOCUMENT_NS_AUTHORISE, DOCUMENT_NS_ENROL,
					     DOCUMENT_NS_REVOKE, DOCUMENT_NS_ARCHIVE};
	uint8_t digest[32];

	for (size_t i = 0; i < d->sigs; i++) {
		for (size_t k = 0; k < sizeof(spaces) / sizeof(spaces[0]); k++) {
			const struct sshsig_policy p = {.namespace = spaces[k]};
			struct sshsig sig;

			if (sshsig_verify(&sig, d->sig[i], d->text.p, d->text.n, &p, NULL))
				continue;
			key_digest(digest, &sig.key);
			if (memcmp(digest, o->digest, sizeof(digest)) == 0)
				return true;
		}
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

static bool fits(const struct cmd_docs_ask *ask, const struct document *d)
{
	struct text_span v;

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
	rc = document_load(&d.doc, v->archive->documents, line->ev.document, d.kind, &why);
	if (rc == 0 && memcmp(d.doc.digest, line->ev.digest, 32) != 0)
		rc = err_set(&why, ERR_DAMAGED, "it is not the one that was admitted");
	if (rc && rc != ERR_NOMEM) {
		tell(notice, &d, why.text);
		rc = 0;
	} else if (rc == 0 && fits(ask, &d.doc)) {
		rc = cb(ctx, &d);
	}
	document_free(&d.doc);
	return rc;
}

int cmd_docs_each(const struct cmd_view *v, const struct cmd_docs_ask *ask,
		  struct cmd_notice *notice, int (*cb)(void *ctx, const struct cmd_doc *d),
		  void *ctx, struct err *e)
{
	struct cmd_ask what = CMD_ASK_ALL;
	struct posting hint[2];
	const struct cmd_merge_line *line;
	struct cmd_merge *m;
	int rc;

	what.journal = ask->journal;
	what.to_ms = ask->to_ms;
	what.types = what.type[EVENT_ADMITTED] = what.type[EVENT_ENROLLED] = true;
	/* One of them narrows enough; both are looked at in the document. */
	if (ask->officer)
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
