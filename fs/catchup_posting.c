/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_posting.h"

#include <string.h>

#include "crypto/hash.h"
#include "fs/authorisation.h"
#include "index/posting.h"

static int note(struct catchup_event *w, const struct event *ev, enum posting_kind kind,
		const void *p, size_t n)
{
	const struct posting one = {kind, p, n};

	return posting_add(w->s->postings, w->journal, ev->seq, &one);
}

/* Whose signatures it claims to bear: they are verified when somebody asks. */
static int note_signers(struct catchup_event *w, const struct event *ev, const struct document *d)
{
	const struct sshsig_policy any = {.namespace = ""};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->sigs; i++) {
		struct sshsig sig = {0};
		uint8_t digest[HASH_SIZE];
		struct wire_out blob = {0};

		rc = sshsig_verify(&sig, d->sig[i], d->text.p, d->text.n, &any, NULL);
		if (rc != ERR_NOMEM) {
			sshkey_blob(&blob, &sig.key);
			hash_sha256(digest, blob.p, blob.n);
			rc = wire_out_ok(&blob) ? note(w, ev, POSTING_SIGNER, digest, HASH_SIZE) :
						  ERR_NOMEM;
		}
		wire_out_free(&blob);
	}
	return rc;
}

/* What an authorisation releases. */
static int note_covered(struct catchup_event *w, const struct event *ev, const struct document *d)
{
	struct authorisation a;
	uint8_t item[16 + 32];
	int rc = authorisation_parse(&a, d, NULL);

	if (rc)
		return rc == ERR_NOMEM ? rc : note(w, ev, POSTING_UNREAD, "", 0);
	for (size_t i = 0; rc == 0 && i < a.items; i++) {
		memcpy(item, a.item[i].id, 16);
		memcpy(item + 16, a.item[i].commitment, 32);
		rc = note(w, ev, POSTING_COVERS, item, sizeof(item));
	}
	for (size_t i = 0; rc == 0 && i < a.accessions; i++)
		rc = note(w, ev, POSTING_COVERS, a.accession[i], 16);
	authorisation_free(&a);
	return rc;
}

static int note_document(struct catchup_event *w, const struct event *ev)
{
	const char *kind = ev->type == EVENT_ENROLLED ? "enrolment" : ev->kind;
	struct text_span case_no;
	struct document d;
	int rc = document_load(&d, w->st->archive->documents, ev->document, kind, NULL);

	if (rc == ERR_NOMEM)
		return rc;
	if (rc || memcmp(d.digest, ev->digest, sizeof(d.digest)) != 0) {
		rc = note(w, ev, POSTING_UNREAD, "", 0);
	} else {
		rc = note_signers(w, ev, &d);
		if (rc == 0 && document_value(&d, "case", &case_no))
			rc = note(w, ev, POSTING_CASE, case_no.p, case_no.n);
		if (rc == 0 && strcmp(kind, "authorisation") == 0)
			rc = note_covered(w, ev, &d);
	}
	document_free(&d);
	return rc;
}

int catchup_posting_note(struct catchup_event *w, const struct event *ev)
{
	struct posting_list list;
	int rc = 0;

	posting_of(&list, ev);
	for (unsigned i = 0; rc == 0 && i < list.n; i++)
		rc = posting_add(w->s->postings, w->journal, ev->seq, &list.at[i]);
	if (rc == 0 && (ev->type == EVENT_ADMITTED || ev->type == EVENT_ENROLLED))
		rc = note_document(w, ev);
	return rc;
}
