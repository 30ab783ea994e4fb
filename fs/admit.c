/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/admit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/age.h"
#include "crypto/hash.h"
#include "fs/admit_check.h"
#include "fs/admit_cosigned.h"
#include "fs/authorisation.h"
#include "fs/catchup.h"
#include "fs/transfer_admit.h"
#include "index/file.h"

#define TITLE_START "custodyfs-"

struct admission {
	struct station *st;
	struct document doc;
	struct text_span cosigned; /* a note, if it is no document */
	uint32_t uid;
	const char *user;
	struct admit_result *r;
	bool beyond; /* what fails now is no fault of the document */
};

static bool is_archive(const struct admission *a, const uint8_t id[16])
{
	return memcmp(id, a->st->archive->desc.id, 16) == 0;
}

static const struct identity *self(const struct admission *a)
{
	return node_identity(a->st->node);
}

/* Store, then journal, then let the index see it. The document without its event has no effect. */
static int take(struct admission *a, enum event_type type, struct err *e)
{
	struct event ev = {.type = type, .uid = a->uid};
	struct catchup_result caught;
	int rc;

	rc = document_store(a->st->archive->documents, a->r->serial, a->r->kind, &a->doc, e);
	if (rc)
		return rc;
	memcpy(ev.document, a->r->serial, sizeof(ev.document));
	memcpy(ev.digest, a->doc.digest, sizeof(ev.digest));
	snprintf(ev.user, sizeof(ev.user), "%s", a->user);
	snprintf(ev.kind, sizeof(ev.kind), "%s", a->r->kind);
	rc = journal_append(a->st->journal, &ev, 1, e);
	a->beyond = rc == 0;
	if (rc == 0)
		rc = journal_checkpoint(a->st->journal, e);
	if (rc == 0)
		rc = catchup_run(a->st, 0, &caught, NULL, NULL, e);
	return rc;
}

/* ---- enrolments ---- */

static int check_enrolment(const struct admission *a, const struct roster_node *n, struct err *e)
{
	const struct roster_node *known = roster_find(a->st->roster, n->pub.id);
	int64_t now;
	int rc;

	if (memcmp(n->pub.id, self(a)->pub.id, sizeof(n->pub.id)) != 0)
		return err_set(e, ERR_WRONG_NODE,
			       "it enrols another node; import it there, with --node");
	rc = admit_check_signatures(a->st, &a->doc, DOCUMENT_NS_ENROL, e);
	if (rc)
		return rc;
	if (known && known->issued_ms > n->issued_ms)
		return err_set(e, ERR_REPLAYED, "a later enrolment of this node is in force");
	if (known && known->revoked && known->issued_ms == n->issued_ms)
		return err_set(e, ERR_REVOKED, "the enrolment of this node was revoked");
	rc = station_now(a->st, &now, e);
	if (rc == 0 && n->not_after_ms && now > n->not_after_ms)
		rc = err_set(e, ERR_EXPIRED, "this enrolment has expired; ask for a new one");
	return rc;
}

/* Let the node know what it is now, and the key it may read the catalogue with. */
static int keep_enrolment(const struct admission *a, const struct roster_node *n, struct err *e)
{
	uint8_t *catalogue = NULL, recipient[32];
	int rc = 0;

	if (n->roles & ROSTER_READER) {
		catalogue = secret_take(a->st->pool, 32);
		rc = catalogue ? roster_enrolment_open(catalogue, &a->doc, self(a), e) :
				 err_set(e, ERR_NOMEM, "no secret memory left");
		if (rc == 0)
			age_public(recipient, catalogue);
		if (rc == 0 && memcmp(recipient, a->st->archive->desc.catalogue, 32) != 0)
			rc = err_set(e, ERR_KEY,
				     "it holds another catalogue key than this "
				     "archive's");
	}
	if (rc == 0)
		rc = node_archive_enrol(a->st->home, n->roles, n->serial, catalogue, e);
	secret_give(a->st->pool, catalogue);
	return rc;
}

static int admit_enrolment(struct admission *a, struct err *e)
{
	const struct node_archive *home = a->st->home;
	struct roster_node n;
	int rc = roster_enrolment_parse(&n, &a->doc, &a->st->archive->desc, e);

	if (rc == 0)
		rc = check_enrolment(a, &n, e);
	if (rc)
		return rc;
	a->r->roles = n.roles;
	a->r->already = home->roles && memcmp(home->enrolment, n.serial, 16) == 0;
	if (a->r->already)
		return 0;
	rc = admit_check_unused(a->st, n.serial, e);
	if (rc == 0)
		rc = take(a, EVENT_ENROLLED, e);
	else if (rc == ERR_REPLAYED)
		rc = 0; /* an import died between its event and what follows here */
	return rc ? rc : keep_enrolment(a, &n, e);
}

/* ---- authorisations ---- */

static int check_authorisation(const struct admission *a, const struct authorisation *au,
			       struct err *e)
{
	char text[33];
	int64_t now;
	int rc;

	text_hex(text, au->archive, 16);
	if (!is_archive(a, au->archive))
		return err_set(e, ERR_WRONG_ARCHIVE, "it is for another archive, %s", text);
	text_hex(text, au->node, 16);
	if (memcmp(au->node, self(a)->pub.id, 16) != 0)
		return err_set(e, ERR_WRONG_NODE, "it is for another node, %s", text);
	if (!(a->st->home->roles & ROSTER_READER))
		return err_set(e, ERR_ROLE, "this node is not enrolled as a reader");
	rc = admit_check_unused(a->st, au->serial, e);
	if (rc == 0)
		rc = admit_check_signatures(a->st, &a->doc, DOCUMENT_NS_AUTHORISE, e);
	if (rc == 0 && roster_serial_revoked(a->st->roster, au->serial))
		rc = err_set(e, ERR_REVOKED, "it was revoked");
	if (rc == 0 && roster_node_revoked(a->st->roster, au->node, au->issued_ms))
		rc = err_set(e, ERR_REVOKED,
			     "this node was revoked after it was issued: ask for a new one");
	if (rc == 0 && au->issued_ms <= a->st->home->restored_ms)
		rc = err_set(e, ERR_REVOKED,
			     "it was issued before a restore of this archive was accepted: ask for "
			     "a new one");
	for (size_t i = 0; rc == 0 && i < au->checkpoints; i++)
		rc = admit_check_checkpoint(a->st, &au->checkpoint[i], e);
	if (rc == 0)
		rc = station_now(a->st, &now, e);
	text_time_s(text, au->not_after_ms / 1000);
	if (rc == 0 && now > au->not_after_ms)
		rc = err_set(e, ERR_EXPIRED, "it has expired, at %s", text);
	return rc;
}

static int ignore_key(void *ctx, const uint8_t id[16], const uint8_t *commitment,
		      const uint8_t key[32])
{
	(void)ctx, (void)id, (void)commitment, (void)key;
	return 0;
}

static int admit_authorisation(struct admission *a, struct err *e)
{
	struct authorisation au;
	int rc = authorisation_parse(&au, &a->doc, e);

	if (rc)
		return rc;
	a->r->items = au.items;
	a->r->accessions = au.accessions;
	a->r->not_before_ms = au.not_before_ms;
	a->r->not_after_ms = au.not_after_ms;
	rc = check_authorisation(a, &au, e);
	if (rc == 0)
		rc = take(a, EVENT_ADMITTED, e);
	/* Only now. Nothing is done with the keys here, but whoever imports learns of bad ones. */
	if (rc == 0) {
		rc = authorisation_open(&au, &a->doc, self(a), ignore_key, NULL, e);
		if (rc)
			err_prefix(e, rc, "it is in the log now, but its keys do not open");
	}
	authorisation_free(&au);
	return rc;
}

/* ---- revocations ---- */

static int admit_revocation(struct admission *a, struct err *e)
{
	struct authorisation_revocation rv;
	int rc = authorisation_revocation_parse(&rv, &a->doc, e);

	if (rc)
		return rc;
	if (!is_archive(a, rv.archive))
		return err_set(e, ERR_WRONG_ARCHIVE, "it is for another archive");
	rc = admit_check_signatures(a->st, &a->doc, DOCUMENT_NS_REVOKE, e);
	if (rc == 0)
		rc = admit_check_unused(a->st, rv.serial, e);
	a->r->already = rc == ERR_REPLAYED;
	if (rc == 0)
		rc = take(a, EVENT_ADMITTED, e);
	return a->r->already ? 0 : rc;
}

/* ---- transfers ---- */

static int admit_release(struct admission *a, struct err *e)
{
	struct transfer_release r;
	int rc = transfer_admit_release(&r, a->st, &a->doc, e);

	if (rc)
		return rc;
	a->r->accessions = r.accessions;
	transfer_release_free(&r);
	return take(a, EVENT_ADMITTED, e);
}

static int admit_receipt(struct admission *a, struct err *e)
{
	struct transfer_receipt r;
	int rc = transfer_admit_receipt(&r, a->st, &a->doc, e);

	if (rc)
		return rc;
	a->r->mismatch = !r.match;
	transfer_receipt_free(&r);
	return take(a, EVENT_ADMITTED, e);
}

/* ---- archive.txt ---- */

/* Another version that is asked for than the next one. */
static int wrong_version(const struct archive_desc *now, const struct document *d, struct err *e)
{
	struct text_span v;
	uint64_t version = 0;

	if (document_value(d, "version", &v))
		text_u64(v, &version);
	if (version > (uint64_t)now->version + 1)
		return err_set(e, ERR_FOREIGN,
			       "it is version %" PRIu64 " and version %" PRIu32
			       " is in force: the versions between must be imported first",
			       version, now->version);
	if (version <= now->version)
		return err_set(e, ERR_ROLLBACK,
			       "it is version %" PRIu64 ", and version %" PRIu32
			       " is in force already",
			       version, now->version);
	return 0;
}

/* First what is superseded is kept, so that every node can walk from one to the other; then our log
 * says so; then it is in force. */
static int take_description(struct admission *a, const struct archive_desc *next, struct err *e)
{
	struct event ev = {.type = EVENT_ADMITTED, .uid = a->uid};
	const struct archive *ar = a->st->archive;
	struct catchup_result caught;
	char kind[32];
	int rc;

	snprintf(kind, sizeof(kind), "archive-%" PRIu32, ar->desc.version);
	rc = document_store(ar->documents, ar->desc.id, kind, &ar->text, e);
	if (rc)
		return rc;
	memcpy(ev.document, ar->desc.id, 16);
	memcpy(ev.digest, a->doc.digest, 32);
	snprintf(ev.user, sizeof(ev.user), "%s", a->user);
	snprintf(ev.kind, sizeof(ev.kind), "archive-%" PRIu32, next->version);
	rc = journal_append(a->st->journal, &ev, 1, e);
	a->beyond = rc == 0;
	if (rc == 0)
		rc = file_replace(ar->dir, "archive.txt", a->doc.bytes.p, a->doc.bytes.n, 0640, e);
	if (rc == 0)
		rc = station_follow(a->st, next->version, NULL, e);
	if (rc == 0)
		rc = journal_checkpoint(a->st->journal, e);
	return rc ? rc : catchup_run(a->st, 0, &caught, NULL, NULL, e);
}

static int admit_description(struct admission *a, struct err *e)
{
	const struct archive_desc *now = &a->st->archive->desc;
	struct archive_desc next;
	uint8_t id[16];
	int rc;

	if (!document_id(&a->doc, "archive", id))
		return err_set(e, ERR_MALFORMED, "it names no archive");
	if (!is_archive(a, id))
		return err_set(e, ERR_WRONG_ARCHIVE, "it describes another archive");
	memcpy(a->r->serial, id, 16);
	a->r->already = memcmp(a->doc.digest, a->st->archive->text.digest, 32) == 0;
	rc = a->r->already ? 0 : wrong_version(now, &a->doc, e);
	if (rc || a->r->already)
		return rc;
	rc = archive_desc_parse(&next, &a->doc, now, e);
	if (rc == 0)
		rc = admit_check_rotation(a->st, &a->doc, e);
	return rc ? rc : take_description(a, &next, e);
}

/* ---- all kinds ---- */

/* Requests are easily mistaken for their answers, and are no documents. */
static int check_request(const void *p, size_t n, struct err *e)
{
	static const struct {
		const char *title, *verb;
	} requests[] = {{TITLE_START "request/", "authorise"},
			{TITLE_START "enrolment-request/", "enrol"}};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		const size_t len = strlen(requests[i].title);

		if (n >= len && memcmp(p, requests[i].title, len) == 0)
			return err_set(e, ERR_FOREIGN,
				       "this is a request, for the authority: what "
				       "'custody-authority %s' makes of it is imported",
				       requests[i].verb);
	}
	return 0;
}

static const struct kind {
	const char *name;
	int (*admit)(struct admission *a, struct err *e);
} kinds[] = {
	{"enrolment", admit_enrolment},	   {"authorisation", admit_authorisation},
	{"revocation", admit_revocation},  {TRANSFER_RELEASE, admit_release},
	{TRANSFER_RECEIPT, admit_receipt}, {"archive", admit_description},
};

/* By the title, "custodyfs-<kind>/v<N>"; the kind's parser looks at the version. */
static int admit_kind(struct admission *a, struct err *e)
{
	struct text_span title = document_title(&a->doc), word = title;
	const char *slash = memchr(title.p, '/', title.n);

	word.n = slash ? (size_t)(slash - title.p) : title.n;
	word.p += strlen(TITLE_START);
	word.n -= strlen(TITLE_START);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!text_is(word, kinds[i].name))
			continue;
		a->r->kind = kinds[i].name;
		document_id(&a->doc, "serial", a->r->serial);
		return kinds[i].admit(a, e);
	}
	return err_set(e, ERR_FOREIGN, "'%.*s' is not a document that can be imported",
		       title.n < 60 ? (int)title.n : 60, title.p);
}

/* Another import of this node must not slip between our look at the serial and our event. */
static int admit_locked(struct admission *a, struct err *e)
{
	int fd = openat(a->st->home->dir, "import.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			0600);
	struct catchup_result caught;
	int rc;

	if (fd < 0)
		return err_sys(e, "can't open import.lock of the node");
	rc = file_lock(fd, true, true, e);
	if (rc == 0)
		rc = catchup_run(a->st, 0, &caught, NULL, NULL, e);
	a->beyond = rc != 0;
	if (rc == 0)
		rc = a->cosigned.n ? admit_cosigned(a->st, a->cosigned, a->uid, a->user, a->r,
						    &a->beyond, e) :
				     admit_kind(a, e);
	close(fd);
	return rc;
}

/* What was turned away is in the log too: judgements, not failures of this machine, and not files
 * that were never ours. */
static bool is_refusal(const struct admission *a, const void *p, size_t n, int code)
{
	const int exit = err_exit(code);

	if (code == 0 || a->beyond || (exit != 4 && exit != 5 && exit != 7))
		return false;
	return a->cosigned.n ||
	       (n >= strlen(TITLE_START) && memcmp(p, TITLE_START, strlen(TITLE_START)) == 0);
}

static int log_refusal(const struct admission *a, const void *p, size_t n, int code, struct err *e)
{
	struct event ev = {.type = EVENT_REFUSED, .uid = a->uid, .count = 1};

	hash_sha256(ev.digest, p, n);
	memcpy(ev.document, a->r->serial, sizeof(ev.document));
	snprintf(ev.what, sizeof(ev.what), "import");
	snprintf(ev.reason, sizeof(ev.reason), "%s", err_word(code));
	snprintf(ev.user, sizeof(ev.user), "%s", a->user);
	snprintf(ev.program, sizeof(ev.program), "custody");
	return journal_append(a->st->journal, &ev, 1, e);
}

int admit_document(struct station *s, const void *p, size_t n, uint32_t uid, const char *user,
		   struct admit_result *r, struct err *e)
{
	struct admission a = {.st = s, .uid = uid, .user = user, .r = r};
	struct err why = {0};
	int rc;

	*r = (struct admit_result){0};
	if (!s->journal)
		return err_set(e, ERR_USAGE, "an import needs the node's journal");
	if (n > strlen(ADMIT_COSIGNED_START) &&
	    memcmp(p, ADMIT_COSIGNED_START, strlen(ADMIT_COSIGNED_START)) == 0)
		a.cosigned = (struct text_span){p, n};
	rc = check_request(p, n, e);
	if (rc == 0 && !a.cosigned.n)
		rc = document_parse(&a.doc, p, n, e);
	if (rc == 0)
		rc = admit_locked(&a, e);
	document_free(&a.doc);
	if (is_refusal(&a, p, n, rc) && log_refusal(&a, p, n, rc, &why) != 0)
		err_prefix(e, rc, "(the refusal could not be journalled: %s)", why.text);
	return rc;
}
