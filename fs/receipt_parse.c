/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container: lines `key: value`, some of whose values are the number of bytes that follow.
 */
#include "fs/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "fs/form.h"

#define DESCRIPTION_MAX (1u << 20)
#define SMALL_MAX (1u << 20)	   /* bytes of an enrolment or revocation */
#define CHECKPOINT_MAX (64u << 10) /* with many cosignatures */
#define PROOF_MAX (CHECKPOINT_MAX + 4096)
#define RECORD_ARMOR_MAX (2u << 20)

void receipt_free(struct receipt *r)
{
	for (size_t i = 0; i < r->grants; i++)
		authorisation_free(&r->grant[i].terms);
	for (size_t i = 0; i < r->restores; i++)
		restore_free(&r->restore[i].terms);
	free(r->earlier);
	free(r->enrolment);
	free(r->log);
	free(r->event);
	free(r->grant);
	free(r->revocation);
	free(r->restore);
	free(r->finding);
	record_free(r->provenance);
	/* It may hold a provenance record. */
	wire_out_wipe(&r->bytes);
	*r = (struct receipt){.logs = 0};
}

/* `key: <n>` and the n bytes of text that follow it; they end in LF. */
static void take(struct form *f, const char *key, size_t max, struct text_span *part)
{
	uint64_t n = 0;

	*part = (struct text_span){"", 0};
	form_u64(f, key, &n);
	if (!f->rc && (n == 0 || n > max || n > f->in.left))
		form_fail(f, ERR_MALFORMED, "'%s' has a length that can't be", key);
	if (f->rc)
		return;
	*part = (struct text_span){f->in.p, (size_t)n};
	if (part->p[n - 1] != '\n' || !text_valid(part->p, part->n))
		form_fail(f, ERR_MALFORMED, "'%s' is no text, or its length is wrong", key);
	f->in.p += n;
	f->in.left -= n;
	for (size_t i = 0; i < n; i++)
		f->in.line += part->p[i] == '\n';
}

static void take_earlier(struct form *f, struct receipt *r)
{
	while (form_next(f, "earlier")) {
		if (!form_room(f, (void **)&r->earlier, r->earliers, RECEIPT_VERSIONS_MAX,
			       sizeof(*r->earlier)))
			return;
		take(f, "earlier", DESCRIPTION_MAX, &r->earlier[r->earliers++].bytes);
	}
}

static void take_enrolments(struct form *f, struct receipt *r, struct receipt_log *log)
{
	log->enrolment = r->enrolments;
	do {
		if (!form_room(f, (void **)&r->enrolment, r->enrolments, RECEIPT_ENROLMENTS_MAX,
			       sizeof(*r->enrolment)))
			return;
		take(f, "enrolment", SMALL_MAX, &r->enrolment[r->enrolments++]);
	} while (form_next(f, "enrolment"));
	log->enrolments = r->enrolments - log->enrolment;
}

static void take_events(struct form *f, struct receipt *r, struct receipt_log *log)
{
	log->event = r->events;
	do {
		struct receipt_event *ev;

		if (!form_room(f, (void **)&r->event, r->events, RECEIPT_EVENTS_MAX,
			       sizeof(*r->event)))
			return;
		ev = &r->event[r->events++];
		*ev = (struct receipt_event){.log = (size_t)(log - r->log)};
		take(f, "event", EVENT_LINE_MAX, &ev->line);
		if (!f->rc && memchr(ev->line.p, '\n', ev->line.n) != ev->line.p + ev->line.n - 1)
			form_fail(f, ERR_MALFORMED, "'event' must be one line");
		ev->line.n -= ev->line.n > 0;
		take(f, "proof", PROOF_MAX, &ev->proof);
	} while (form_next(f, "event"));
	log->events = r->events - log->event;
}

static void take_logs(struct form *f, struct receipt *r)
{
	do {
		struct receipt_log *log;

		if (!form_room(f, (void **)&r->log, r->logs, RECEIPT_LOGS_MAX, sizeof(*r->log)))
			return;
		log = &r->log[r->logs++];
		*log = (struct receipt_log){.good = false};
		form_id(f, "log", log->node);
		if (r->logs > 1 && memcmp(log[-1].node, log->node, 16) >= 0)
			form_fail(f, ERR_MALFORMED, "logs must stand in order of their nodes");
		take_enrolments(f, r, log);
		take(f, "checkpoint", CHECKPOINT_MAX, &log->checkpoint);
		if (form_next(f, "cosigned"))
			take(f, "cosigned", CHECKPOINT_MAX, &log->cosigned);
		if (form_next(f, "consistency"))
			take(f, "consistency", PROOF_MAX, &log->consistency);
		take_events(f, r, log);
	} while (form_next(f, "log"));
}

static void take_documents(struct form *f, struct receipt *r)
{
	while (form_next(f, "authorisation")) {
		if (!form_room(f, (void **)&r->grant, r->grants, RECEIPT_DOCUMENTS_MAX,
			       sizeof(*r->grant)))
			return;
		r->grant[r->grants] = (struct receipt_grant){.good = false};
		take(f, "authorisation", DOCUMENT_MAX, &r->grant[r->grants++].bytes);
	}
	while (form_next(f, "revocation")) {
		if (!form_room(f, (void **)&r->revocation, r->revocations, RECEIPT_DOCUMENTS_MAX,
			       sizeof(*r->revocation)))
			return;
		r->revocation[r->revocations] = (struct receipt_revocation){.good = false};
		take(f, "revocation", SMALL_MAX, &r->revocation[r->revocations++].bytes);
	}
	while (form_next(f, "restore")) {
		if (!form_room(f, (void **)&r->restore, r->restores, RECEIPT_DOCUMENTS_MAX,
			       sizeof(*r->restore)))
			return;
		r->restore[r->restores] = (struct receipt_restore){.good = false};
		take(f, "restore", DOCUMENT_MAX, &r->restore[r->restores++].bytes);
	}
}

int receipt_parse(struct receipt *r, const void *p, size_t n, struct err *e)
{
	struct form f;
	int rc;

	*r = (struct receipt){.logs = 0};
	if (n > RECEIPT_MAX)
		return err_set(e, ERR_MALFORMED, "a receipt has at most %zu bytes", RECEIPT_MAX);
	wire_out_bytes(&r->bytes, p, n);
	if (!wire_out_ok(&r->bytes))
		return err_set(e, ERR_NOMEM, "out of memory");
	f = form_begin((struct text_span){(const char *)r->bytes.p, n}, RECEIPT_TITLE, e);
	form_id(&f, "archive", r->archive);
	form_id(&f, "item", r->item);
	form_id(&f, "node", r->node);
	take(&f, "description", DESCRIPTION_MAX, &r->description);
	take_earlier(&f, r);
	take_logs(&f, r);
	take_documents(&f, r);
	if (form_next(&f, "record"))
		take(&f, "record", RECORD_ARMOR_MAX, &r->record);
	if (!f.rc && !text_expect(&f.in, "end"))
		form_fail(&f, ERR_MALFORMED, "another part, or 'end', must stand behind line %u",
			  f.in.line);
	rc = form_end(&f);
	if (rc)
		receipt_free(r);
	return rc;
}
