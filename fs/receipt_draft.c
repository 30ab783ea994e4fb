/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/receipt_draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/witness_ask.h"

void receipt_draft_free(struct receipt_draft *d)
{
	struct receipt_draft_documents *const documents[] = {&d->enrolment, &d->grant,
							     &d->revocation, &d->restore};

	for (size_t i = 0; i < d->logs; i++) {
		wire_out_free(&d->log[i].note);
		wire_out_free(&d->log[i].cosigned);
		free(d->log[i].consistency);
	}
	for (size_t i = 0; i < d->lines; i++) {
		wire_out_free(&d->line[i].text);
		free(d->line[i].proof);
	}
	for (size_t k = 0; k < sizeof(documents) / sizeof(documents[0]); k++) {
		for (size_t i = 0; i < documents[k]->n; i++)
			wire_out_free(&documents[k]->list[i].bytes);
		free(documents[k]->list);
	}
	archive_history_free(&d->history);
	free(d->log);
	free(d->line);
	wire_out_wipe(&d->record);
	*d = (struct receipt_draft){.archive = NULL};
}

int receipt_draft_room(void **list, size_t n, size_t size, struct err *e)
{
	void *p;

	if (n & (n - 1))
		return 0;
	p = reallocarray(*list, n ? 2 * n : 1, size);
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	*list = p;
	return 0;
}

/* What a witness saw. Whoever can write to the archive could spoil it, but not make it. */
static int read_cosigned(const struct receipt_draft *d, struct receipt_draft_log *log,
			 const struct roster_node *who, struct err *e)
{
	struct err why = {0};
	char text[600];
	int rc = cosigned_read(&log->seen, &log->cosigned, d->archive, &who->pub, &why);

	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	if (rc == 0)
		return 0;
	log->seen.n = 0;
	wire_out_reset(&log->cosigned);
	snprintf(text, sizeof(text), "no cosignature is in the receipt: %s", why.text);
	if (rc != ERR_NOTFOUND && d->notice)
		d->notice(d->notice_ctx, text);
	return 0;
}

int receipt_draft_log(struct receipt_draft *d, const uint8_t node[16], size_t *which, struct err *e)
{
	const struct roster_node *who = roster_find(d->roster, node);
	struct receipt_draft_log *log;
	int rc;

	for (*which = 0; *which < d->logs; ++*which)
		if (memcmp(d->log[*which].node, node, 16) == 0)
			return 0;
	if (!who)
		return err_set(e, ERR_NOT_ENROLLED, "a node of this log is not enrolled");
	rc = receipt_draft_room((void **)&d->log, d->logs, sizeof(*d->log), e);
	if (rc)
		return rc;
	log = &d->log[d->logs++];
	*log = (struct receipt_draft_log){.cp = {.size = 0}};
	memcpy(log->node, node, 16);
	/* What was cosigned first: the checkpoint only grows meanwhile. */
	rc = read_cosigned(d, log, who, e);
	if (rc == 0)
		rc = journal_read_checkpoint(d->archive->journal, d->archive->desc.id, &who->pub,
					     &log->cp, &log->note, e);
	if (rc && rc != ERR_NOTFOUND)
		return rc;
	if (log->seen.n && log->cp.size < log->seen.cp.size)
		return err_set(e, ERR_ROLLBACK,
			       "the log %s has %" PRIu64 " signed events, and %" PRIu64
			       " were cosigned: it was turned back",
			       log->seen.cp.origin, log->cp.size, log->seen.cp.size);
	return 0;
}

const struct note_checkpoint *receipt_draft_target(const struct receipt_draft_log *log,
						   uint64_t seq)
{
	return log->seen.n && seq < log->seen.cp.size ? &log->seen.cp : &log->cp;
}

int receipt_draft_connect(struct receipt_draft_log *log, merkle_read *read, void *ctx,
			  struct err *e)
{
	const struct note_checkpoint *old = &log->seen.cp, *cp = &log->cp;
	int rc;

	if (log->seen.n == 0)
		return 0;
	free(log->consistency);
	log->consistency = calloc(MERKLE_PROOF_MAX, sizeof(*log->consistency));
	if (!log->consistency)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = merkle_consistency(log->consistency, &log->hashes, old->size, cp->size, read, ctx);
	if (rc)
		return err_set(e, rc, "can't prove the log %s: %s", cp->origin, err_text(rc));
	if (merkle_verify_consistency(old->size, cp->size, (const merkle_hash *)log->consistency,
				      log->hashes, old->root, cp->root) == 0)
		return 0;
	return err_set(e, ERR_ROLLBACK,
		       "the log %s is not the one that was cosigned with %" PRIu64
		       " events: it was turned back or forked",
		       cp->origin, old->size);
}

bool receipt_draft_speaks(const struct receipt_draft *d, size_t log)
{
	for (size_t i = 0; i < d->lines; i++)
		if (d->line[i].log == log)
			return true;
	return false;
}

bool receipt_draft_has(const struct receipt_draft *d, size_t log, uint64_t seq)
{
	for (size_t i = 0; i < d->lines; i++)
		if (d->line[i].log == log && d->line[i].seq == seq)
			return true;
	return false;
}

bool receipt_draft_step(const struct receipt_draft *d, const struct event *ev)
{
	const struct archive_desc *now = &d->archive->desc;
	const uint32_t version = archive_history_admits(ev, now->id);

	return version <= now->version && now->version - version < d->history.n;
}

int receipt_draft_line(struct receipt_draft *d, size_t log, uint64_t seq, struct text_span text,
		       struct err *e)
{
	struct receipt_draft_line *l;
	int rc;

	if (seq >= d->log[log].cp.size) {
		d->beyond++;
		return 0;
	}
	if (d->lines == RECEIPT_EVENTS_MAX)
		return err_set(e, ERR_NOMEM, "more than %u events are of this item",
			       RECEIPT_EVENTS_MAX);
	rc = receipt_draft_room((void **)&d->line, d->lines, sizeof(*d->line), e);
	if (rc)
		return rc;
	l = &d->line[d->lines++];
	*l = (struct receipt_draft_line){.log = log, .seq = seq};
	wire_out_bytes(&l->text, text.p, text.n);
	return wire_out_ok(&l->text) ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

int receipt_draft_document(struct receipt_draft_documents *list, const uint8_t serial[16],
			   size_t log, struct wire_out *bytes, struct err *e)
{
	struct receipt_draft_document *doc;
	int rc = receipt_draft_room((void **)&list->list, list->n, sizeof(*list->list), e);

	if (rc)
		return rc;
	doc = &list->list[list->n++];
	*doc = (struct receipt_draft_document){.log = log, .bytes = *bytes};
	memcpy(doc->serial, serial, 16);
	*bytes = (struct wire_out){0};
	return 0;
}

int receipt_draft_prove(struct receipt_draft *d, struct receipt_draft_line *l, merkle_read *read,
			void *ctx, struct err *e)
{
	const struct note_checkpoint *cp = receipt_draft_target(&d->log[l->log], l->seq);
	merkle_hash leaf;
	int rc;

	l->proof = calloc(MERKLE_PROOF_MAX, sizeof(*l->proof));
	if (!l->proof)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = merkle_inclusion(l->proof, &l->hashes, l->seq, cp->size, read, ctx);
	if (rc)
		return err_set(e, rc, "can't prove an event of the log %s: %s", cp->origin,
			       err_text(rc));
	merkle_leaf(leaf, l->text.p, l->text.n);
	if (merkle_verify_inclusion(leaf, l->seq, cp->size, (const merkle_hash *)l->proof,
				    l->hashes, cp->root) == 0)
		return 0;
	return err_set(e, ERR_DAMAGED,
		       "line %" PRIu64 " of the log %s is not what its checkpoint signs: run "
		       "'custody verify'",
		       l->seq + 1, cp->origin);
}

bool receipt_is_about(const struct event *ev, enum event_type type, const uint8_t id[16])
{
	const uint8_t *about = type == EVENT_ADMITTED	   ? ev->document :
			       type == EVENT_RELEASE_ENDED ? ev->release :
			       type == EVENT_EXPORTED	   ? ev->export :
							     ev->accession;

	return ev->type == type && memcmp(about, id, 16) == 0;
}

/* ---- the bytes ---- */

static void put(struct wire_out *out, const char *key, const void *p, size_t n)
{
	wire_out_printf(out, "%s: %zu\n", key, n);
	wire_out_bytes(out, p, n);
}

static void put_event(struct wire_out *out, const struct receipt_draft_log *log,
		      const struct receipt_draft_line *l)
{
	struct wire_out proof = {0};
	char hash[45];

	wire_out_printf(out, "event: %zu\n", l->text.n + 1);
	wire_out_bytes(out, l->text.p, l->text.n);
	wire_out_text(out, "\n");
	wire_out_printf(&proof, RECEIPT_PROOF "\nindex %" PRIu64 "\n", l->seq);
	for (size_t i = 0; i < l->hashes; i++) {
		text_base64(hash, l->proof[i], MERKLE_HASH);
		wire_out_printf(&proof, "%s\n", hash);
	}
	wire_out_text(&proof, "\n");
	if (receipt_draft_target(log, l->seq) == &log->cp)
		wire_out_bytes(&proof, log->note.p, log->note.n);
	else
		wire_out_bytes(&proof, log->cosigned.p, log->cosigned.n);
	put(out, "proof", proof.p, proof.n);
	out->bad = out->bad || proof.bad;
	wire_out_free(&proof);
}

/* What a witness saw, and that the checkpoint goes on from there. */
static void put_cosigned(struct wire_out *out, const struct receipt_draft_log *log)
{
	struct wire_out ask = {0};

	if (log->seen.n == 0)
		return;
	put(out, "cosigned", log->cosigned.p, log->cosigned.n);
	if (log->seen.cp.size == log->cp.size)
		return;
	witness_ask_text(&ask, log->seen.cp.size, (const merkle_hash *)log->consistency,
			 log->hashes, (struct text_span){(const char *)log->note.p, log->note.n});
	put(out, "consistency", ask.p, ask.n);
	out->bad = out->bad || ask.bad;
	wire_out_free(&ask);
}

static void put_log(struct wire_out *out, const struct receipt_draft *d, size_t i)
{
	const struct receipt_draft_log *log = &d->log[i];
	char node[33];

	text_hex(node, log->node, 16);
	wire_out_printf(out, "log: %s\n", node);
	for (size_t k = 0; k < d->enrolment.n; k++)
		if (d->enrolment.list[k].log == i)
			put(out, "enrolment", d->enrolment.list[k].bytes.p,
			    d->enrolment.list[k].bytes.n);
	put(out, "checkpoint", log->note.p, log->note.n);
	put_cosigned(out, log);
	for (size_t k = 0; k < d->lines; k++)
		if (d->line[k].log == i)
			put_event(out, log, &d->line[k]);
}

static int by_place(const void *a, const void *b)
{
	const struct receipt_draft_line *x = a, *y = b;

	if (x->log != y->log)
		return x->log < y->log ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_serial(const void *a, const void *b)
{
	return memcmp(((const struct receipt_draft_document *)a)->serial,
		      ((const struct receipt_draft_document *)b)->serial, 16);
}

static void put_documents(struct wire_out *out, const char *key,
			  const struct receipt_draft_documents *list)
{
	for (size_t i = 0; i < list->n; i++)
		put(out, key, list->list[i].bytes.p, list->list[i].bytes.n);
}

static void sort(struct receipt_draft *d)
{
	struct receipt_draft_documents *const documents[] = {&d->enrolment, &d->grant,
							     &d->revocation, &d->restore};

	if (d->lines)
		qsort(d->line, d->lines, sizeof(*d->line), by_place);
	for (size_t k = 0; k < sizeof(documents) / sizeof(documents[0]); k++)
		if (documents[k]->n)
			qsort(documents[k]->list, documents[k]->n, sizeof(*documents[k]->list),
			      by_serial);
}

/* The log of the smallest node id that is greater than *after (NULL: of all) and has lines. */
static size_t next_log(const struct receipt_draft *d, const uint8_t *after)
{
	size_t best = d->logs;

	for (size_t k = 0; k < d->lines; k++) {
		const uint8_t *node = d->log[d->line[k].log].node;

		if ((!after || memcmp(node, after, 16) > 0) &&
		    (best == d->logs || memcmp(node, d->log[best].node, 16) < 0))
			best = d->line[k].log;
	}
	return best;
}

int receipt_draft_write(struct receipt_draft *d, struct wire_out *out, struct err *e)
{
	const size_t start = out->n;
	char archive[33], item[33], node[33];

	sort(d);
	text_hex(archive, d->archive->desc.id, 16);
	text_hex(item, d->item, 16);
	text_hex(node, d->node, 16);
	wire_out_printf(out, RECEIPT_TITLE "\narchive: %s\nitem: %s\nnode: %s\n", archive, item,
			node);
	put(out, "description", d->archive->text.bytes.p, d->archive->text.bytes.n);
	for (size_t i = 0; i < d->history.n; i++)
		put(out, "earlier", d->history.version[i].text.bytes.p,
		    d->history.version[i].text.bytes.n);
	for (size_t i = next_log(d, NULL); i < d->logs; i = next_log(d, d->log[i].node))
		put_log(out, d, i);
	put_documents(out, "authorisation", &d->grant);
	put_documents(out, "revocation", &d->revocation);
	put_documents(out, "restore", &d->restore);
	if (d->record.n)
		put(out, "record", d->record.p, d->record.n);
	wire_out_text(out, "end\n");
	if (wire_out_ok(out))
		return 0;
	out->n = start;
	return err_set(e, ERR_NOMEM, "out of memory");
}
