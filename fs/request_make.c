/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a request: what the index, the journals and the segments say of the items asked for,
 * proved against checkpoints that are signed already.
 */
#include "fs/request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "fs/catchup.h"
#include "fs/form.h"
#include "fs/request_scope.h"
#include "fs/request_write.h"
#include "fs/station.h"
#include "index/file.h"

#define TRIES 5

struct job {
	struct station *s;
	const struct request_ask *ask;
	struct err *e;
	struct db_txn *txn;
	struct request_scope scope;
	struct note_checkpoint *checkpoint; /* of all logs */
	struct authorisation_item *item;
	struct wire_out bundle;
};

static void clear(struct job *j)
{
	db_abort(j->txn);
	request_scope_free(&j->scope);
	free(j->checkpoint);
	free(j->item);
	wire_out_free(&j->bundle);
	*j = (struct job){.s = j->s, .ask = j->ask, .e = j->e};
}

/* ---- the bundle ---- */

static int put_event(struct job *j, enum request_section kind, const struct request_origin *o)
{
	return request_logs_prove(&j->scope.logs, &j->bundle, kind, o->node,
				  kind == REQUEST_ACCESSION ? o->opened : o->closed, NULL, NULL,
				  j->e);
}

/* All are opened; those asked for as a whole, in the order of the text, closed too. */
static int put_accessions(struct job *j)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < j->scope.origins; i++)
		rc = put_event(j, REQUEST_ACCESSION, &j->scope.origin[i]);
	for (size_t i = 0; rc == 0 && i < j->ask->naccessions; i++) {
		size_t k = 0;

		while (!j->scope.origin[k].whole ||
		       memcmp(j->scope.origin[k].id, j->ask->accessions[i], 16) != 0)
			k++; /* it is there, and the only one: pick_segments() has seen to that */
		rc = put_event(j, REQUEST_ACCESSION_CLOSED, &j->scope.origin[k]);
	}
	return rc;
}

static int put_segment(struct job *j, const struct ledger_segment *seg)
{
	struct wire_out header = {0};
	int rc = segment_read_header(&header, j->s->segments, seg->id, j->e);

	if (rc == 0)
		rc = request_logs_prove(&j->scope.logs, &j->bundle, REQUEST_SEGMENT, seg->node,
					seg->seq, seg->header, &header, j->e);
	wire_out_free(&header);
	return rc;
}

static int put_item(struct job *j, const struct request_pick *p, struct wire_out *head)
{
	struct segment_fd *fd = NULL;
	uint8_t *to;
	int rc;

	wire_out_reset(head);
	to = wire_out_room(head, p->headlen);
	if (!to)
		return err_set(j->e, ERR_NOMEM, "out of memory");
	rc = segment_get(&fd, j->s->segments, p->segment, j->e);
	if (rc)
		return rc;
	rc = file_pread(segment_fileno(fd), to, p->headlen, p->offset, j->e);
	segment_put(j->s->segments, fd);
	if (rc)
		return rc;
	return request_logs_prove(&j->scope.logs, &j->bundle, REQUEST_ITEM, p->node, p->seq,
				  p->head, head, j->e);
}

static int put_bundle(struct job *j)
{
	const uint64_t total = j->scope.segments + j->scope.picks.n;
	struct wire_out head = {0};
	int rc = 0;

	request_write_begin(&j->bundle);
	for (size_t i = 0; i < j->scope.logs.n; i++)
		request_write_checkpoint(&j->bundle, j->scope.logs.list[i].note.p,
					 j->scope.logs.list[i].note.n);
	rc = put_accessions(j);
	for (size_t i = 0; rc == 0 && i < j->scope.segments; i++)
		rc = put_segment(j, &j->scope.segment[i]);
	for (size_t i = 0; rc == 0 && i < j->scope.picks.n; i++) {
		rc = put_item(j, &j->scope.picks.list[i], &head);
		if (j->ask->progress)
			j->ask->progress(j->ask->progress_ctx, j->scope.segments + i + 1, total);
	}
	wire_out_free(&head);
	return rc;
}

/* ---- the whole ---- */

static int check_text(const char *what, const char *s, struct err *e)
{
	size_t n = strlen(s);

	if (n > 0 && n < AUTHORISATION_TEXT_MAX && text_valid(s, n) && !strchr(s, '\n'))
		return 0;
	return err_set(e, ERR_USAGE, "the %s must be one line of 1 to %d bytes", what,
		       AUTHORISATION_TEXT_MAX - 1);
}

static int check_ask(const struct station *s, const struct request_ask *ask, struct err *e)
{
	int rc;

	if (!(s->home->roles & ROSTER_READER))
		return err_set(e, ERR_ROLE, "this node is not enrolled as a reader");
	if (!s->journal)
		return err_set(e, ERR_USAGE, "a request needs the node's journal");
	if (ask->npaths + ask->naccessions == 0)
		return err_set(e, ERR_USAGE, "a request names an item or an accession");
	if (!form_distinct(ask->accessions, ask->naccessions, 16, 16))
		return err_set(e, ERR_USAGE, "an accession is named twice");
	rc = check_text("case", ask->case_no, e);
	if (rc == 0)
		rc = check_text("purpose", ask->purpose, e);
	if (rc == 0)
		rc = check_text("user", ask->user, e);
	if (rc == 0 && ask->legal_basis && *ask->legal_basis)
		rc = check_text("legal basis", ask->legal_basis, e);
	return rc;
}

/* One attempt at a time: ERR_BUSY when a journal has outrun the index. */
static int compose(struct job *j)
{
	struct catchup_result r = {0};
	int rc;

	clear(j);
	rc = catchup_run(j->s, 0, &r, NULL, NULL, j->e);
	if (rc == 0)
		rc = db_begin(&j->txn, j->s->db, false, j->e);
	j->scope = (struct request_scope){
		.ask = j->ask, .e = j->e, .logs = {.s = j->s, .txn = j->txn}};
	if (rc == 0)
		rc = request_scope_find(&j->scope);
	if (rc == 0)
		rc = put_bundle(j);
	if (rc)
		return rc;
	j->checkpoint = calloc(j->scope.logs.n, sizeof(*j->checkpoint));
	j->item = calloc(j->scope.picks.n + 1, sizeof(*j->item));
	if (!j->checkpoint || !j->item)
		return err_set(j->e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < j->scope.logs.n; i++)
		j->checkpoint[i] = j->scope.logs.list[i].cp;
	for (size_t i = 0; i < j->scope.picks.n; i++) {
		memcpy(j->item[i].id, j->scope.picks.list[i].item, 16);
		memcpy(j->item[i].commitment, j->scope.picks.list[i].commitment, 32);
	}
	return 0;
}

static int log_request(struct job *j, const struct wire_out *out, struct request_summary *sum)
{
	struct event ev = {.type = EVENT_REQUESTED,
			   .items = sum->items,
			   .accessions = sum->accessions,
			   .uid = getuid()};
	const char *at = strchr(j->ask->user, '@');
	struct text_span user = {j->ask->user,
				 at ? (size_t)(at - j->ask->user) : strlen(j->ask->user)};

	memcpy(ev.document, sum->serial, sizeof(ev.document));
	hash_sha256(ev.digest, out->p, out->n);
	text_copy(user, ev.user, sizeof(ev.user));
	return journal_append(j->s->journal, &ev, 1, j->e);
}

int request_make(struct wire_out *out, struct station *s, const struct request_ask *ask,
		 struct request_summary *sum, struct err *e)
{
	struct request_text text = {.archive = s->archive->desc.id,
				    .serial = sum->serial,
				    .requested_by = ask->user,
				    .case_no = ask->case_no,
				    .purpose = ask->purpose,
				    .legal_basis = ask->legal_basis,
				    .accession = ask->accessions,
				    .accessions = ask->naccessions};
	struct job j = {.s = s, .ask = ask, .e = e};
	const size_t start = out->n;
	int rc;

	*sum = (struct request_summary){.accessions = ask->naccessions};
	rc = check_ask(s, ask, e);
	if (rc == 0)
		rc = station_now(s, &text.issued_ms, e);
	if (rc == 0)
		rc = journal_checkpoint(s->journal, e);
	for (int i = 0; rc == 0 && i < TRIES; i++) {
		rc = compose(&j);
		if (rc != ERR_BUSY)
			break;
		rc = i + 1 < TRIES ? 0 : rc;
	}
	if (rc)
		goto out;
	secret_random(sum->serial, sizeof(sum->serial));
	sum->items = j.scope.items;
	sum->bytes = j.scope.bytes;
	text.checkpoint = j.checkpoint;
	text.checkpoints = j.scope.logs.n;
	text.item = j.item;
	text.items = j.scope.picks.n;
	rc = request_write_file(out, &text, &j.bundle,
				(uint32_t)(j.scope.logs.n + j.scope.origins + ask->naccessions +
					   j.scope.segments + j.scope.picks.n),
				node_identity(s->node));
	if (rc)
		err_set(e, rc, "can't write the request: %s", err_text(rc));
	else
		rc = log_request(&j, out, sum);
	if (rc)
		out->n = start;
out:
	clear(&j);
	return rc;
}
