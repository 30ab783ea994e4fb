/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures and proofs: is each part of a receipt what it says it is?
 */
#include "fs/receipt.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/merkle.h"
#include "fs/archive_history.h"
#include "index/journal.h"

#define DASH "\xe2\x80\x94 " /* begins a signature line */

int receipt_tell(struct receipt *r, int code, const char *fmt, ...)
{
	bool open = code == ERR_NEWER || code == ERR_UNSUPPORTED;
	struct receipt_finding *f;
	va_list ap;

	if (code == ERR_NOMEM)
		return code;
	if (!open && err_exit(code) != 4)
		code = err_exit(code) == 5 ? ERR_DAMAGED : ERR_FORGED;
	*(open ? &r->unchecked : &r->damaged) += 1;
	if (r->findings == RECEIPT_FINDINGS_MAX)
		return 0;
	if (!r->finding)
		r->finding = calloc(RECEIPT_FINDINGS_MAX, sizeof(*r->finding));
	if (!r->finding)
		return ERR_NOMEM;
	f = &r->finding[r->findings++];
	f->code = code;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return 0;
}

/* ---- logs ---- */

static int check_enrolment(struct receipt *r, struct receipt_log *log, struct text_span text)
{
	struct roster_node n;
	struct document d;
	struct err why = {0};
	unsigned roles = log->who.roles;
	char hex[33], what[64];
	int rc = document_parse(&d, text.p, text.n, &why);

	if (rc == 0) {
		rc = roster_enrolment_parse(&n, &d, &r->desc, &why);
		document_free(&d);
	}
	text_hex(hex, log->node, 16);
	snprintf(what, sizeof(what), "an enrolment of node %s", hex);
	if (rc)
		return receipt_tell(r, rc, "%s is not good: %.200s", what, why.text);
	if (memcmp(n.pub.id, log->node, 16) != 0)
		return receipt_tell(r, ERR_FORGED, "%s is of another node", what);
	if (log->good && memcmp(log->last, n.serial, 16) >= 0)
		return receipt_tell(r, ERR_DAMAGED, "%s is out of order", what);
	memcpy(log->last, n.serial, 16);
	if (!log->good || n.issued_ms > log->who.issued_ms ||
	    (n.issued_ms == log->who.issued_ms && memcmp(n.serial, log->who.serial, 16) > 0))
		log->who = n;
	log->who.roles = n.roles | roles;
	log->good = true;
	return 0;
}

/* Signature lines that are not of the key of this name. */
static unsigned count_others(struct text_span sigs, const char *name)
{
	struct text_in in = text_in_init(sigs.p, sigs.n);
	size_t n = strlen(name);
	struct text_span line;
	unsigned count = 0;

	while (text_line(&in, &line))
		count += line.n < strlen(DASH) + n + 1 ||
			 memcmp(line.p + strlen(DASH), name, n) != 0 ||
			 line.p[strlen(DASH) + n] != ' ';
	return count;
}

static int check_checkpoint(struct receipt *r, struct receipt_log *log)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct text_span text, sigs;
	char hex[33];
	int rc = note_split(log->checkpoint, &text, &sigs);

	text_hex(hex, log->node, 16);
	journal_origin(key.name, r->archive, log->node);
	memcpy(key.pk, log->who.pub.sign, sizeof(key.pk));
	if (rc == 0)
		rc = note_checkpoint_parse(&log->cp, text);
	if (rc == 0 && strcmp(log->cp.origin, key.name) != 0)
		rc = ERR_FORGED;
	if (rc == 0)
		rc = note_verify(log->checkpoint, &key, &text, NULL);
	log->good = rc == 0;
	if (rc == ERR_NOMEM)
		return rc;
	if (rc)
		return receipt_tell(r, ERR_FORGED,
				    "the checkpoint of node %s is not one that the node signed",
				    hex);
	log->others = count_others(sigs, key.name);
	return 0;
}

static int check_logs(struct receipt *r)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->logs; i++) {
		struct receipt_log *log = &r->log[i];

		for (size_t k = 0; rc == 0 && k < log->enrolments; k++)
			rc = check_enrolment(r, log, r->enrolment[log->enrolment + k]);
		/* Without one a finding says so already. */
		if (rc == 0 && log->good)
			rc = check_checkpoint(r, log);
		if (rc == 0 && log->good)
			rc = receipt_witness(r, log);
	}
	return rc;
}

/* ---- events ---- */

struct proof {
	uint64_t index;
	merkle_hash hash[MERKLE_PROOF_MAX];
	size_t hashes;
};

static bool same(struct text_span a, struct text_span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* A tlog-proof@v1 that ends with the log's cosigned checkpoint, if that covers it, and else with the
 * other. *cp: which. */
static bool parse_proof(struct proof *p, struct text_span text, const struct receipt_log *log,
			const struct note_checkpoint **cp)
{
	struct text_span rest;
	struct text_in in = text_in_init(text.p, text.n);
	struct text_span line, word;

	p->hashes = 0;
	if (!text_expect(&in, RECEIPT_PROOF) || !text_line(&in, &line) ||
	    !text_word(&line, &word) || !text_is(word, "index") || !text_u64(line, &p->index))
		return false;
	while (text_line(&in, &line) && line.n > 0) {
		if (p->hashes == MERKLE_PROOF_MAX ||
		    text_unbase64(line, p->hash[p->hashes++], MERKLE_HASH) != MERKLE_HASH)
			return false;
	}
	rest = (struct text_span){in.p, in.left};
	if (p->index < log->witnessed.cp.size) {
		*cp = &log->witnessed.cp;
		return !in.bad && same(rest, log->cosigned);
	}
	*cp = &log->cp;
	return !in.bad && same(rest, log->checkpoint);
}

static void take_event(const struct receipt *r, struct receipt_event *x, const struct event *ev)
{
	const uint8_t *subject = ev->document;

	if (ev->type == EVENT_OPENED || ev->type == EVENT_CLOSED || ev->type == EVENT_EXPORTED ||
	    ev->type == EVENT_RELEASE_ENDED)
		subject = ev->release;
	else if (ev->type == EVENT_ACCESSION || ev->type == EVENT_INGEST)
		subject = ev->accession;
	x->type = ev->type;
	x->handle = ev->handle;
	x->time_ms = ev->time_ms;
	x->of_item = memcmp(ev->item, r->item, 16) == 0;
	memcpy(x->subject, subject, 16);
	if (ev->type == EVENT_OPENED || ev->type == EVENT_EXPORTED)
		memcpy(x->export, ev->export, 16);
	x->version = archive_history_admits(ev, r->archive);
}

static int check_event(struct receipt *r, struct receipt_event *x, size_t number)
{
	const struct receipt_log *log = &r->log[x->log];
	const struct note_checkpoint *cp;
	merkle_hash leaf;
	struct proof p;
	struct event ev;
	int rc = ERR_FORGED;

	if (!log->good)
		return 0;
	merkle_leaf(leaf, x->line.p, x->line.n);
	if (parse_proof(&p, x->proof, log, &cp))
		rc = merkle_verify_inclusion(leaf, p.index, cp->size, (const merkle_hash *)p.hash,
					     p.hashes, cp->root);
	if (rc)
		return receipt_tell(r, ERR_FORGED,
				    "event %zu of node %s is not proved: the log that the node "
				    "signed has no such line there",
				    number, log->who.name);
	if (event_parse(&ev, x->line) != 0 || ev.seq != p.index)
		return receipt_tell(r, ERR_DAMAGED, "event %zu of node %s is no event", number,
				    log->who.name);
	x->seq = ev.seq;
	if (number > 1 && x[-1].proved && x[-1].seq >= x->seq)
		return receipt_tell(r, ERR_DAMAGED, "event %zu of node %s is out of order", number,
				    log->who.name);
	if (number > 1 && x[-1].proved && x[-1].time_ms > ev.time_ms)
		return receipt_tell(r, ERR_FORGED,
				    "event %zu of node %s says a time before that of the event "
				    "before it: it is dated back",
				    number, log->who.name);
	take_event(r, x, &ev);
	x->proved = true;
	return 0;
}

void receipt_event(const struct receipt *r, size_t i, struct event *ev)
{
	/* It parsed before. */
	event_parse(ev, r->event[i].line);
}

static int check_events(struct receipt *r)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->events; i++)
		rc = check_event(r, &r->event[i], i - r->log[r->event[i].log].event + 1);
	return rc;
}

/* ---- what is disclosed ---- */

bool receipt_is_ingest(const struct receipt *r, size_t i)
{
	const struct receipt_event *x = &r->event[i];

	return x->proved && x->type == EVENT_INGEST && x->of_item &&
	       memcmp(r->log[x->log].node, r->node, 16) == 0;
}

static int open_record(struct receipt *r, const struct wire_out *plain, const struct event *ingest)
{
	uint8_t commitment[32];

	if (plain->n < 64)
		return ERR_MALFORMED;
	record_commitment(commitment, plain->p, plain->p + 64, plain->n - 64, plain->p + 32);
	if (memcmp(commitment, ingest->commitment, 32) != 0)
		return ERR_FORGED;
	memcpy(r->content, plain->p + 32, 32);
	return record_decode(&r->provenance, plain->p + 64, plain->n - 64);
}

static int check_record(struct receipt *r)
{
	struct wire_out plain = {0};
	struct event ev;
	size_t i = 0;
	int rc;

	while (i < r->events && !receipt_is_ingest(r, i))
		i++;
	/* Without one a finding says so. */
	if (r->record.n == 0 || i == r->events)
		return 0;
	receipt_event(r, i, &ev);
	rc = armor_decode(&plain, RECEIPT_RECORD, ARMOR_COLUMNS, r->record);
	if (rc == 0)
		rc = open_record(r, &plain, &ev);
	wire_out_wipe(&plain);
	return rc ? receipt_tell(r, rc,
				 "the provenance record is not the one that its log committed to") :
		    0;
}

int receipt_check(struct receipt *r, const struct sshkey *expected, size_t n, struct err *e)
{
	int rc = receipt_versions(r, expected, n);

	if (rc == 0 && r->desc_good) {
		rc = check_logs(r);
		if (rc == 0)
			rc = check_events(r);
		if (rc == 0)
			rc = receipt_versions_admitted(r);
		if (rc == 0)
			rc = receipt_documents(r);
		if (rc == 0)
			rc = receipt_witness_events(r, r->witness_needed);
		if (rc == 0)
			rc = check_record(r);
		if (rc == 0)
			rc = receipt_judge(r);
	}
	if (rc)
		return err_set(e, rc, "out of memory");
	if (r->damaged)
		return err_set(e, ERR_DAMAGED, "the receipt does not hold: %" PRIu64 " finding%s",
			       r->damaged, r->damaged == 1 ? "" : "s");
	if (r->unchecked)
		return err_set(e, ERR_UNSUPPORTED, "not all of the receipt could be checked");
	return 0;
}
