/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request under the eyes of somebody who does not trust it: the good one, and what forgers would
 * send instead.
 */
#include "fs/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/armor.h"
#include "crypto/hash.h"
#include "index/record.h"
#include "tests/lib/dossier.h"
#include "tests/lib/office.h"

struct world {
	struct office o;
	struct archive_desc desc;
	struct dossier d;
	struct wire_out out;
};

static int open_all(void **state)
{
	static struct world w;

	office_open(&w.o);
	office_describe(&w.o, &w.desc, 1, 1);
	*state = &w;
	return 0;
}

static int close_all(void **state)
{
	struct world *w = *state;

	office_close(&w->o);
	return 0;
}

static int open_one(void **state)
{
	struct world *w = *state;

	dossier_open(&w->d, &w->desc, w->o.pool);
	return 0;
}

static int close_one(void **state)
{
	struct world *w = *state;

	dossier_close(&w->d);
	wire_out_free(&w->out);
	return 0;
}

static int parse(struct world *w, struct request *r, struct err *e)
{
	return request_parse(r, w->out.p, w->out.n, dossier_find, &w->d, e);
}

/* Write the dossier as it is now; it must be refused with this code. */
static void refuse_by(struct world *w, unsigned signer, int code)
{
	struct request r;
	struct err e = {0};
	int rc;

	dossier_write(&w->d, signer, &w->out);
	rc = parse(w, &r, &e);
	if (rc != code)
		print_error("%s\n", e.text);
	assert_int_equal(rc, code);
	assert_int_equal(e.code, code);
	assert_null(r.bytes.p);
	assert_null(r.item);
	assert_int_equal(parse(w, &r, NULL), code);
}

static void refuse(struct world *w, int code)
{
	refuse_by(w, DOSSIER_WS, code);
}

static void accept(struct world *w)
{
	struct request r;
	struct err e = {0};

	dossier_write(&w->d, DOSSIER_WS, &w->out);
	if (parse(w, &r, &e) != 0)
		fail_msg("%s", e.text);
	request_free(&r);
}

/* ---- the good one ---- */

static void test_good(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct request r;
	struct err e;

	dossier_write(d, DOSSIER_WS, &w->out);
	assert_int_equal(parse(w, &r, &e), 0);
	assert_memory_equal(r.archive, d->desc.id, 16);
	assert_memory_equal(r.serial, d->serial, 16);
	assert_memory_equal(r.node, d->id[DOSSIER_WS]->pub.id, 16);
	assert_string_equal(r.requested_by, "alice@ws-7");
	assert_string_equal(r.case_no, "C-1");
	assert_string_equal(r.purpose, "plate dispute");
	assert_string_equal(r.legal_basis, "19 USC 1581");
	assert_int_equal(r.checkpoints, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_memory_equal(&r.checkpoint[i].root, d->checkpoint[i].root, 32);
		assert_int_equal(r.note[i].n, d->note[i].n);
		assert_memory_equal(r.note[i].p, d->note[i].p, d->note[i].n);
	}
	assert_int_equal(r.segments, DOSSIER_SEGMENTS);
	for (size_t i = 0; i < DOSSIER_SEGMENTS; i++) {
		assert_memory_equal(r.segment[i].header.accession, d->accession[i], 16);
		assert_int_equal(r.segment[i].begun_ms, d->segment_event[i].time_ms);
		assert_memory_equal(r.segment[i].node, d->id[DOSSIER_CAP]->pub.id, 16);
		assert_int_equal(r.segment[i].opened, i);
	}
	assert_int_equal(r.nopened, DOSSIER_SEGMENTS);
	for (size_t i = 0; i < DOSSIER_SEGMENTS; i++) {
		assert_memory_equal(r.opened[i].id, d->accession[i], 16);
		assert_memory_equal(r.opened[i].node, d->id[DOSSIER_CAP]->pub.id, 16);
		assert_string_equal(r.opened[i].host, "lane-3");
		assert_string_equal(r.opened[i].user, "op");
		assert_int_equal(r.opened[i].opened_ms, d->accession_event[i].time_ms);
		assert_false(r.opened[i].whole);
		assert_null(request_whole(&r, d->accession[i]));
	}
	assert_memory_equal(r.source[0].node, d->id[DOSSIER_CAP]->pub.id, 16);
	assert_int_equal(r.source[0].latest_ms, d->item_event[4].time_ms);
	assert_int_equal(r.source[1].latest_ms, 0);
	assert_int_equal(r.items, DOSSIER_ITEMS);
	for (size_t i = 0; i < DOSSIER_ITEMS; i++) {
		const struct request_item *it = &r.item[i];

		assert_memory_equal(&it->id, &d->item[i], sizeof(it->id));
		assert_memory_equal(it->segment, d->segment[dossier_segment_of(i)], 16);
		assert_memory_equal(it->accession, d->accession[dossier_segment_of(i)], 16);
		assert_int_equal(it->frame.size, 1000 + i);
		assert_int_equal(it->head_len, d->head[i].n);
		assert_memory_equal(it->head, d->head[i].p, d->head[i].n);
		assert_int_equal(it->seq, d->item_event[i].seq);
		assert_int_equal(it->ingest_ms, d->item_event[i].time_ms);
		assert_null(it->record.p);
	}
	request_free(&r);
}

static void test_open(void **state)
{
	struct world *w = *state;
	struct text_span path;
	struct record *rec;
	struct request r;
	struct err e;

	dossier_write(&w->d, DOSSIER_WS, &w->out);
	assert_int_equal(parse(w, &r, &e), 0);
	assert_int_equal(request_open(&r, w->o.release_secret, &e), ERR_KEY);
	assert_int_equal(request_open(&r, w->o.catalogue_secret, &e), 0);
	for (size_t i = 0; i < r.items; i++) {
		assert_memory_equal(r.item[i].plain_sha256, w->d.plain_sha256[i], 32);
		assert_int_equal(record_decode(&rec, r.item[i].record.p, r.item[i].record.n), 0);
		assert_true(record_get(rec, "path", &path));
		assert_int_equal(path.p[6], '0' + (int)i);
		record_free(rec);
	}
	request_free(&r);
}

static void test_variants(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;

	d->text.legal_basis = NULL;
	accept(w);
	/* An accession, without items. */
	d->text.items = d->items = 0;
	d->text.accession = (const uint8_t(*)[16])d->accession;
	d->text.accessions = 2;
	accept(w);
	/* One of them, and the other's segment without need: no harm. */
	d->text.accessions = 1;
	accept(w);
	/* Items of one segment only. */
	d->text.accessions = 0;
	d->text.items = d->items = 3;
	d->segments = 1;
	accept(w);
}

/* ---- the file ---- */

static void test_any_byte(void **state)
{
	struct world *w = *state;
	struct request r;
	struct err e;

	dossier_write(&w->d, DOSSIER_WS, &w->out);
	for (size_t i = 0; i < w->out.n; i++) {
		w->out.p[i] ^= 1;
		assert_int_not_equal(parse(w, &r, &e), 0);
		w->out.p[i] ^= 1;
	}
}

static void test_any_length(void **state)
{
	struct world *w = *state;
	struct wire_out other = {0};
	struct request r;
	struct err e;
	size_t n;

	dossier_write(&w->d, DOSSIER_WS, &w->out);
	n = w->out.n;
	/* Without its last LF the armor is whole still. */
	for (w->out.n = 0; w->out.n < n - 1; w->out.n += 7)
		assert_int_not_equal(parse(w, &r, &e), 0);
	w->out.n = n;
	wire_out_text(&w->out, "x\n");
	assert_int_equal(parse(w, &r, &e), ERR_MALFORMED);
	w->out.n = n;
	dossier_write(&w->d, DOSSIER_WS, &other);
	wire_out_bytes(&w->out, other.p, other.n);
	assert_int_not_equal(parse(w, &r, &e), 0);
	wire_out_free(&other);
}

static void test_other_files(void **state)
{
	static const char *const files[] = {
		"",
		"hello\n",
		"custodyfs-request/v1\n",
		"\n-----BEGIN CUSTODYFS BUNDLE-----\n",
		"custodyfs-request/v1\n\n-----BEGIN CUSTODYFS BUNDLE-----\n",
	};
	struct world *w = *state;
	struct request r;
	struct err e;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		wire_out_reset(&w->out);
		wire_out_text(&w->out, files[i]);
		assert_int_equal(parse(w, &r, &e), i < 3 ? ERR_FOREIGN : ERR_MALFORMED);
	}
}

/* A good signature and a good bundle that is another one. */
static void test_other_bundle(void **state)
{
	struct world *w = *state;
	struct wire_out other = {0};
	const char *begin = "\n-----BEGIN CUSTODYFS BUNDLE-----\n";
	const uint8_t *at;
	struct request r;
	struct err e;

	dossier_write(&w->d, DOSSIER_WS, &other);
	w->d.text.items = w->d.items = 4;
	dossier_write(&w->d, DOSSIER_WS, &w->out);
	at = memmem(w->out.p, w->out.n, begin, strlen(begin));
	w->out.n = (size_t)(at - w->out.p);
	at = memmem(other.p, other.n, begin, strlen(begin));
	wire_out_bytes(&w->out, at, other.n - (size_t)(at - other.p));
	assert_int_equal(parse(w, &r, &e), ERR_DAMAGED);
	wire_out_free(&other);
}

/* ---- the text ---- */

static void test_text(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	char longer[AUTHORISATION_TEXT_MAX + 1];

	d->text.items = 0;
	refuse(w, ERR_MALFORMED);
	d->text.items = DOSSIER_ITEMS;
	d->text.checkpoints = 0;
	refuse(w, ERR_MALFORMED);
	d->text.checkpoints = 2;
	d->text.purpose = "";
	refuse(w, ERR_MALFORMED);
	d->text.purpose = "two\nlines: x";
	refuse(w, ERR_MALFORMED);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	d->text.purpose = longer;
	refuse(w, ERR_MALFORMED);
	d->text.purpose = longer + 1;
	accept(w);
	d->item[1] = d->item[0];
	refuse(w, ERR_MALFORMED);
}

static void test_signer(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct identity *good = d->id[DOSSIER_WS], *other;

	/* Not enrolled; then enrolled under the same id by other keys. */
	d->who[DOSSIER_WS].pub.id[0] ^= 1;
	refuse(w, ERR_NOT_ENROLLED);
	d->who[DOSSIER_WS].pub.id[0] ^= 1;
	assert_int_equal(identity_new(&other, w->o.pool), 0);
	memcpy(d->who[DOSSIER_WS].pub.sign, other->pub.sign, 32);
	refuse(w, ERR_FORGED);
	memcpy(d->who[DOSSIER_WS].pub.sign, good->pub.sign, 32);
	accept(w);
	identity_free(w->o.pool, other);
	/* The text names the signer: a request of the capture node is its own. */
	dossier_write(d, DOSSIER_CAP, &w->out);
	{
		struct request r;
		struct err e;

		assert_int_equal(parse(w, &r, &e), 0);
		assert_memory_equal(r.node, d->id[DOSSIER_CAP]->pub.id, 16);
		request_free(&r);
	}
}

/* ---- checkpoints ---- */

static void test_checkpoints(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct note_checkpoint good = d->checkpoint[0], cp;

	/* Signed by somebody else. */
	dossier_note(d, DOSSIER_CAP, good.size, DOSSIER_WS, &cp, &d->note[0]);
	refuse(w, ERR_FORGED);
	/* Of another size than the text says, and the other way round. */
	dossier_note(d, DOSSIER_CAP, good.size - 1, DOSSIER_CAP, &cp, &d->note[0]);
	refuse(w, ERR_FORGED);
	dossier_note(d, DOSSIER_CAP, good.size, DOSSIER_CAP, &cp, &d->note[0]);
	d->checkpoint[0].size--;
	refuse(w, ERR_FORGED);
	d->checkpoint[0] = good;
	d->checkpoint[0].root[31] ^= 1;
	refuse(w, ERR_FORGED);
	d->checkpoint[0] = good;
	accept(w);
	/* Of a log that is not of this archive, or of a node nobody knows. */
	d->checkpoint[0].origin[10] ^= 1;
	refuse(w, ERR_MALFORMED);
	d->checkpoint[0] = good;
	d->who[DOSSIER_CAP].pub.id[0] ^= 1;
	refuse(w, ERR_NOT_ENROLLED);
	d->who[DOSSIER_CAP].pub.id[0] ^= 1;
	/* The same twice. */
	d->checkpoint[1] = good;
	refuse(w, ERR_MALFORMED);
}

static void test_missing_checkpoint(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;

	/* Without that of the node that asks. */
	d->text.checkpoints = d->checkpoints = 1;
	refuse(w, ERR_MALFORMED);
	/* Without that of the node whose items they are. */
	d->text.checkpoint = d->checkpoint + 1;
	dossier_note(d, DOSSIER_WS, 2, DOSSIER_WS, &d->checkpoint[1], &d->note[0]);
	refuse(w, ERR_MALFORMED);
}

/* ---- events and proofs ---- */

static void test_proofs(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct request_proof good = d->item_proof[2], seg = d->segment_proof[1];

	d->item_proof[2].index++;
	refuse(w, ERR_FORGED);
	d->item_proof[2] = good;
	d->item_proof[2].hashes--;
	refuse(w, ERR_FORGED);
	d->item_proof[2].hashes += 2;
	refuse(w, ERR_FORGED);
	d->item_proof[2] = good;
	d->hash[good.index][0][5] ^= 1;
	refuse(w, ERR_FORGED);
	d->hash[good.index][0][5] ^= 1;
	d->item_proof[2].line.n--;
	refuse(w, ERR_FORGED);
	d->item_proof[2] = good;
	d->item_proof[2].node = d->id[DOSSIER_WS]->pub.id; /* which may not vouch for items */
	refuse(w, ERR_ROLE);
	d->item_proof[2] = good;
	d->segment_proof[1].hashes = 0;
	refuse(w, ERR_FORGED);
	d->segment_proof[1] = seg;
	accept(w);
	d->item_proof[2].hashes = MERKLE_PROOF_MAX;
	refuse(w, ERR_FORGED);
}

/* Sections that are good, but not the ones that belong there. */
static void test_other_sections(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct request_proof item0 = d->item_proof[0], seg0 = d->segment_proof[0];

	d->item_proof[0] = d->item_proof[1];
	refuse(w, ERR_FORGED);
	d->item_proof[0] = d->segment_proof[0];
	refuse(w, ERR_MALFORMED);
	d->item_proof[0] = item0;
	d->segment_proof[0] = d->item_proof[0];
	refuse(w, ERR_MALFORMED);
	d->segment_proof[0] = d->segment_proof[1]; /* the items of the first have none then */
	refuse(w, ERR_FORGED);
	d->segment_proof[0] = seg0;
	d->items--;
	refuse(w, ERR_MALFORMED);
	d->items++;
	d->segments--; /* the last item has no segment */
	refuse(w, ERR_FORGED);
	d->text.items--; /* one section too many */
	d->segments++;
	refuse(w, ERR_MALFORMED);
}

static void test_bytes(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;

	d->head[3].p[d->head[3].n - 1] ^= 1;
	refuse(w, ERR_DAMAGED);
	d->head[3].p[d->head[3].n - 1] ^= 1;
	d->header[0].p[d->header[0].n - 1] ^= 1;
	refuse(w, ERR_DAMAGED);
	d->header[0].p[d->header[0].n - 1] ^= 1;
	d->item_proof[3].n--;
	refuse(w, ERR_DAMAGED);
	d->item_proof[3].n++;
	d->item_proof[3].bytes = d->head[4].p;
	d->item_proof[3].n = d->head[4].n;
	refuse(w, ERR_DAMAGED);
}

/* A capture node that lies in its own log: proofs are good, and what they say does not agree. */
static void test_lying_log(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct event good = d->item_event[4], seg = d->segment_event[1];

	d->item_event[4].headlen++;
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->item_event[4] = good;
	d->item_event[4].length++;
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->item_event[4] = good;
	d->item_event[4].commitment[0] ^= 1;
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->item_event[4] = good;
	d->item_event[4].item[0] ^= 1;
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->item_event[4] = good;
	memcpy(d->item_event[4].accession, d->accession[0], 16);
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->item_event[4] = good;
	memcpy(d->item_event[4].segment, d->segment[0], 16);
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->item_event[4] = good;
	memcpy(d->segment_event[1].accession, d->accession[0], 16);
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->segment_event[1] = seg;
	d->segment_event[1].segment[0] ^= 1;
	dossier_prove(d);
	refuse(w, ERR_FORGED);
	d->segment_event[1] = seg;
	d->segment_event[1].header[0] ^= 1;
	dossier_prove(d);
	refuse(w, ERR_DAMAGED);
	d->segment_event[1] = seg;
	dossier_prove(d);
	accept(w);
}

/* A head of one item, well sealed, in the place of another's. */
static void test_swapped_heads(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;

	memcpy(d->item_event[0].head, d->item_event[1].head, 32);
	d->item_event[0].headlen = d->item_event[1].headlen;
	d->item_event[0].length = d->item_event[1].length;
	dossier_prove(d);
	d->item_proof[0].bytes = d->head[1].p;
	d->item_proof[0].n = d->head[1].n;
	refuse(w, ERR_FORGED);
}

/* ---- accessions ---- */

static void test_accessions(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	static const uint8_t unknown[2][16] = {{1}, {1}};

	d->text.accession = unknown;
	d->text.accessions = 1;
	refuse(w, ERR_FORGED);
	d->text.accessions = 2; /* twice the same */
	refuse(w, ERR_MALFORMED);
	/* One without a segment: nobody could tell what its key is. */
	d->text.accession = (const uint8_t(*)[16])d->accession + 1;
	d->text.accessions = 1;
	d->text.items = d->items = 3;
	d->segments = 1;
	d->closed_proof[0] = d->closed_proof[1];
	refuse(w, ERR_MALFORMED);
	d->text.accession = (const uint8_t(*)[16])d->accession;
	dossier_prove(d);
	accept(w);
}

/* One item and a whole accession: what the officers see is all that would be released. */
static void test_whole(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	const struct request_accession *a;
	uint64_t items, bytes;
	struct request r;
	struct err e;

	d->text.accession = (const uint8_t(*)[16])d->accession;
	d->text.accessions = 1;
	for (size_t listed = 3;; listed -= 2) {
		/* All of its items by name, and the first two of another; or its first only. */
		d->text.items = d->items = listed == 3 ? DOSSIER_ITEMS : 1;
		dossier_write(d, DOSSIER_WS, &w->out);
		assert_int_equal(parse(w, &r, &e), 0);
		a = request_whole(&r, d->accession[0]);
		assert_non_null(a);
		assert_null(request_whole(&r, d->accession[1]));
		assert_int_equal(a->opened_ms, d->accession_event[0].time_ms);
		assert_int_equal(a->closed_ms, d->closed_event[0].time_ms);
		assert_int_equal(a->items, 3);
		assert_int_equal(a->bytes, 3003);
		assert_int_equal(a->listed, listed);
		request_total(&r, &items, &bytes);
		assert_int_equal(items, listed == 3 ? 5 : 3);
		assert_int_equal(bytes, listed == 3 ? 5010 : 3003);
		request_free(&r);
		if (listed == 1)
			break;
	}
}

/* The events of a whole accession are missing, altered, or another's. */
static void test_whole_refused(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct request_proof opened = d->accession_proof[0], closed = d->closed_proof[0];

	d->text.accession = (const uint8_t(*)[16])d->accession;
	d->text.accessions = 1;
	accept(w);
	d->closed = 0; /* it is open still, for all the request says */
	refuse(w, ERR_FORGED);
	d->closed = 1;
	d->opened = 0;
	refuse(w, ERR_FORGED);
	d->opened = 1; /* the items of the other one have none */
	refuse(w, ERR_FORGED);
	d->text.items = d->items = 3;
	d->segments = 1;
	accept(w);

	d->closed_proof[0] = d->closed_proof[1];
	refuse(w, ERR_FORGED);
	d->closed_proof[0] = d->accession_proof[0];
	refuse(w, ERR_MALFORMED);
	d->closed_proof[0] = closed;
	d->accession_proof[0] = d->accession_proof[1];
	refuse(w, ERR_FORGED);
	d->accession_proof[0] = opened;
	d->hash[closed.index][0][3] ^= 1;
	refuse(w, ERR_FORGED);
	d->hash[closed.index][0][3] ^= 1;
	d->line[closed.index].p[40] ^= 1;
	refuse(w, ERR_FORGED);
	d->line[closed.index].p[40] ^= 1;
	d->line[opened.index].p[40] ^= 1;
	refuse(w, ERR_FORGED);
	d->line[opened.index].p[40] ^= 1;
	d->closed_proof[0].bytes = "x";
	d->closed_proof[0].n = 1;
	refuse(w, ERR_MALFORMED);
	d->closed_proof[0] = closed;
	d->accession_proof[0].bytes = "x";
	d->accession_proof[0].n = 1;
	refuse(w, ERR_MALFORMED);
	d->accession_proof[0] = opened;
	accept(w);
}

/* A log that counts less than it holds, or opens and closes at will. */
static void test_whole_lies(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct event good = d->closed_event[0];

	for (unsigned i = 0; i < 4; i++) {
		d->closed_event[0] = good;
		if (i == 0)
			d->closed_event[0].items = 2;
		else if (i == 1)
			d->closed_event[0].bytes = 3002;
		else if (i == 2)
			memcpy(d->closed_event[0].accession, d->accession[1], 16);
		dossier_prove(d);
		d->text.accession = (const uint8_t(*)[16])d->accession;
		d->text.accessions = 1;
		if (i < 3)
			refuse(w, ERR_FORGED);
		else
			accept(w);
	}
	/* Closed before its segment and its items; opened after them; opened twice. */
	d->text.accession = (const uint8_t(*)[16])d->accession + 1;
	memcpy(d->closed_event[0].accession, d->accession[1], 16);
	dossier_prove(d);
	d->text.accession = (const uint8_t(*)[16])d->accession + 1;
	d->text.accessions = 1;
	refuse(w, ERR_FORGED);
	d->closed_event[0] = good;
	d->closed_event[0].type = EVENT_ACCESSION;
	dossier_prove(d);
	d->accession_proof[0] = d->closed_proof[0];
	refuse(w, ERR_FORGED);
	dossier_prove(d);
	d->accession_proof[1] = d->closed_proof[0];
	refuse(w, ERR_FORGED);
}

/* Another capture node names the accession of this one: it has a log of its own that says so. */
static void test_other_node(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	struct note_key k = {.type = NOTE_ED25519};
	struct note_checkpoint *cp = &d->checkpoint[1];
	const uint8_t *ws = d->id[DOSSIER_WS]->pub.id;
	struct wire_out text = {0};

	d->who[DOSSIER_WS].roles |= ROSTER_INGEST;
	cp->size = d->checkpoint[0].size;
	memcpy(cp->root, d->checkpoint[0].root, sizeof(cp->root));
	strcpy(k.name, cp->origin);
	memcpy(k.pk, d->id[DOSSIER_WS]->pub.sign, 32);
	note_checkpoint_text(&text, cp);
	wire_out_reset(&d->note[1]);
	assert_int_equal(note_sign(&d->note[1], (const char *)text.p, text.n, &k,
				   d->id[DOSSIER_WS]->sign),
			 0);
	wire_out_free(&text);
	d->text.accession = (const uint8_t(*)[16])d->accession;
	d->text.accessions = 1;
	accept(w);

	d->accession_proof[0].node = ws;
	refuse(w, ERR_FORGED);
	d->closed_proof[0].node = ws;
	refuse(w, ERR_FORGED);
	d->accession_proof[0].node = d->closed_proof[1].node;
	refuse(w, ERR_FORGED);
	d->closed_proof[0].node = d->closed_proof[1].node;
	accept(w);
	d->segment_proof[0].node = ws;
	refuse(w, ERR_FORGED);
	d->segment_proof[0].node = d->segment_proof[1].node;
	d->item_proof[0].node = ws;
	refuse(w, ERR_FORGED);
	d->item_proof[0].node = d->segment_proof[1].node;
	d->text.accessions = 0;
	d->segment_proof[1].node = ws; /* and so where items are asked for */
	refuse(w, ERR_FORGED);
}

/* A record that is not the one the log committed to, and one that is not sealed as it should be. */
static void test_records(void **state)
{
	struct world *w = *state;
	struct dossier *d = &w->d;
	uint8_t said[32], key[32];
	struct request r;
	struct err e;

	memcpy(said, d->item[2].commitment, 32);
	dossier_set_record(d, 2, "\0\0", 2); /* an empty record */
	memcpy(d->item[2].commitment, said, 32);
	memcpy(d->item_event[2].commitment, said, 32);
	dossier_prove(d);
	dossier_write(d, DOSSIER_WS, &w->out);
	assert_int_equal(parse(w, &r, &e), 0);
	assert_int_equal(request_open(&r, w->o.catalogue_secret, &e), ERR_FORGED);
	request_free(&r);

	memcpy(key, d->catalogue_key[0], 32);
	d->catalogue_key[0][0] ^= 1;
	dossier_set_record(d, 2, "\0\0", 2);
	memcpy(d->catalogue_key[0], key, 32);
	dossier_prove(d);
	dossier_write(d, DOSSIER_WS, &w->out);
	assert_int_equal(parse(w, &r, &e), 0);
	assert_int_equal(request_open(&r, w->o.catalogue_secret, &e), ERR_DAMAGED);
	request_free(&r);
}

/* ---- the bundle's bytes ---- */

/* The request around a bundle of these bytes, signed well. */
static void try_bundle(struct world *w, const struct wire_out *bundle, int code)
{
	struct wire_out copy = {0};
	struct request r;
	struct err e;
	uint32_t sections = bundle->n >= 12 ? wire_get32(bundle->p + 8) : 0;

	wire_out_bytes(&copy, bundle->p, bundle->n);
	wire_out_reset(&w->out);
	assert_int_equal(
		request_write_file(&w->out, &w->d.text, &copy, sections, w->d.id[DOSSIER_WS]), 0);
	assert_int_equal(parse(w, &r, &e), code);
	request_free(&r);
	wire_out_free(&copy);
}

static void test_bundle(void **state)
{
	struct world *w = *state;
	const char *begin = "-----BEGIN CUSTODYFS BUNDLE-----\n";
	struct wire_out bundle = {0};
	struct text_span armor;
	size_t n;

	dossier_write(&w->d, DOSSIER_WS, &w->out);
	armor.p = memmem(w->out.p, w->out.n, begin, strlen(begin));
	armor.n = w->out.n - (size_t)(armor.p - (char *)w->out.p);
	assert_int_equal(armor_decode(&bundle, "CUSTODYFS BUNDLE", ARMOR_COLUMNS, armor), 0);
	try_bundle(w, &bundle, 0);
	n = bundle.n;

	bundle.p[0] ^= 1;
	try_bundle(w, &bundle, ERR_MALFORMED);
	bundle.p[0] ^= 1;
	for (bundle.n = 12; bundle.n < n; bundle.n += 97)
		try_bundle(w, &bundle, ERR_MALFORMED);
	bundle.n = n;
	bundle.p[11]++; /* one section more than there is */
	try_bundle(w, &bundle, ERR_MALFORMED);
	bundle.p[11] -= 2;
	try_bundle(w, &bundle, ERR_MALFORMED);
	bundle.p[11]++;
	memset(bundle.p + 8, 0xff, 4);
	try_bundle(w, &bundle, ERR_MALFORMED);
	memset(bundle.p + 8, 0, 4);
	try_bundle(w, &bundle, ERR_MALFORMED);
	bundle.p[11] = 2 + 2 * DOSSIER_SEGMENTS + DOSSIER_ITEMS;
	try_bundle(w, &bundle, 0);
	bundle.p[12] = 7; /* an unknown kind */
	try_bundle(w, &bundle, ERR_MALFORMED);
	bundle.p[12] = 1;
	bundle.p[13] = 0xff; /* a section longer than all */
	try_bundle(w, &bundle, ERR_MALFORMED);
	bundle.p[13] = 0;
	wire_out_u8(&bundle, 0);
	try_bundle(w, &bundle, ERR_MALFORMED);
	wire_out_free(&bundle);
}

#define ONE(f) cmocka_unit_test_setup_teardown(f, open_one, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_good),
		ONE(test_open),
		ONE(test_variants),
		ONE(test_any_byte),
		ONE(test_any_length),
		ONE(test_other_files),
		ONE(test_other_bundle),
		ONE(test_text),
		ONE(test_signer),
		ONE(test_checkpoints),
		ONE(test_missing_checkpoint),
		ONE(test_proofs),
		ONE(test_other_sections),
		ONE(test_bytes),
		ONE(test_lying_log),
		ONE(test_swapped_heads),
		ONE(test_accessions),
		ONE(test_whole),
		ONE(test_whole_refused),
		ONE(test_whole_lies),
		ONE(test_other_node),
		ONE(test_records),
		ONE(test_bundle),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
