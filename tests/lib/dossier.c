/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/dossier.h"

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "index/journal.h"
#include "index/record.h"
#include "tests/lib/fixture.h"

#define T0 INT64_C(1795417800000) /* 2026-11-23T07:10:00Z */

static void ok(int rc, const char *what)
{
	if (rc)
		errx(1, "%s: %s", what, err_text(rc));
}

size_t dossier_segment_of(size_t i)
{
	return i < 3 ? 0 : 1;
}

int dossier_find(void *ctx, const uint8_t node[16], struct roster_node *out)
{
	const struct dossier *d = ctx;

	for (unsigned i = 0; i < 2; i++) {
		if (memcmp(d->who[i].pub.id, node, 16) == 0) {
			*out = d->who[i];
			return 0;
		}
	}
	return ERR_NOT_ENROLLED;
}

/* ---- what happened ---- */

static void make_segment(struct dossier *d, size_t i)
{
	struct segment_header h = {.suite = (uint16_t)d->desc.suite,
				   .chunk_size = d->desc.chunk_size,
				   .epoch = d->desc.epoch[0].epoch};
	struct event *ev = &d->segment_event[i];

	memcpy(h.archive, d->desc.id, 16);
	memcpy(h.accession, d->accession[i], 16);
	memcpy(h.segment, d->segment[i], 16);
	ok(segment_header_make(&d->header[i], &h, d->content_key[i], d->desc.epoch[0].recipient,
			       d->catalogue_key[i], d->desc.catalogue),
	   "segment_header_make");
	d->accession_event[i] = (struct event){.type = EVENT_ACCESSION,
					       .time_ms = T0 + (int64_t)i,
					       .epoch = h.epoch,
					       .user = "op",
					       .uid = 1000,
					       .host = "lane-3"};
	memcpy(d->accession_event[i].accession, d->accession[i], 16);
	d->closed_event[i] = (struct event){.type = EVENT_ACCESSION_CLOSED,
					    .time_ms = T0 + 2000 + (int64_t)i};
	memcpy(d->closed_event[i].accession, d->accession[i], 16);
	ev->type = EVENT_SEGMENT;
	ev->time_ms = T0 + (int64_t)i;
	memcpy(ev->accession, d->accession[i], 16);
	memcpy(ev->segment, d->segment[i], 16);
	hash_sha256(ev->header, d->header[i].p, d->header[i].n);
}

void dossier_set_record(struct dossier *d, size_t i, const void *record, size_t n)
{
	const size_t seg = dossier_segment_of(i);
	struct event *ev = &d->item_event[i];
	struct frame f = {.size = 1000 + i,
			  .chunk_size = d->desc.chunk_size,
			  .suite = (uint16_t)d->desc.suite};
	struct frame_keys keys;
	uint8_t salt[32];

	memcpy(f.archive, d->desc.id, 16);
	memcpy(f.accession, d->accession[seg], 16);
	memcpy(f.item, d->item[i].id, 16);
	frame_wrap_key(keys.wrap, d->content_key[seg], d->desc.id, d->accession[seg]);
	kdf_label(keys.record, d->catalogue_key[seg], "custodyfs/v1 record");
	fixture_fill(salt, sizeof(salt), 500 + (uint32_t)i);
	wire_out_reset(&d->head[i]);
	ok(frame_head_seal(&d->head[i], &f, &keys, d->file_key[i], salt, d->plain_sha256[i], record,
			   n, d->item[i].commitment),
	   "frame_head_seal");
	ev->type = EVENT_INGEST;
	ev->time_ms = T0 + 1000 + (int64_t)i;
	memcpy(ev->accession, d->accession[seg], 16);
	memcpy(ev->segment, d->segment[seg], 16);
	memcpy(ev->item, d->item[i].id, 16);
	memcpy(ev->commitment, d->item[i].commitment, 32);
	ev->offset = d->header[seg].n + 100000 * i;
	ev->headlen = d->head[i].n;
	ev->length = frame_length(&f);
	hash_sha256(ev->head, d->head[i].p, d->head[i].n);
	fixture_fill(ev->frame, 32, 600 + (uint32_t)i);
}

static void make_item(struct dossier *d, size_t i)
{
	struct wire_out bytes = {0};
	struct record *r;
	char path[32];

	fixture_fill(d->item[i].id, 16, 200 + (uint32_t)i);
	fixture_fill(d->file_key[i], 32, 300 + (uint32_t)i);
	fixture_fill(d->plain_sha256[i], 32, 400 + (uint32_t)i);
	snprintf(path, sizeof(path), "us/car%zu.jpg", i);
	ok(record_new(&r), "record_new");
	ok(record_set_text(r, "path", path), "record_set");
	ok(record_set_text(r, "collection", "otay-2019"), "record_set");
	ok(record_encode(r, &bytes), "record_encode");
	dossier_set_record(d, i, bytes.p, bytes.n);
	d->closed_event[dossier_segment_of(i)].items++;
	d->closed_event[dossier_segment_of(i)].bytes += 1000 + i;
	record_free(r);
	wire_out_free(&bytes);
}

static void make_node(struct dossier *d, unsigned i, unsigned roles, const char *name)
{
	ok(identity_new(&d->id[i], d->pool), "identity_new");
	d->who[i].pub = d->id[i]->pub;
	d->who[i].roles = roles;
	d->who[i].issued_ms = T0;
	strcpy(d->who[i].name, name);
}

void dossier_open(struct dossier *d, const struct archive_desc *desc, struct secret_pool *pool)
{
	memset(d, 0, sizeof(*d));
	d->pool = pool;
	d->desc = *desc;
	make_node(d, DOSSIER_CAP, ROSTER_INGEST, "lane 3");
	make_node(d, DOSSIER_WS, ROSTER_READER, "ws-7");
	for (size_t i = 0; i < DOSSIER_SEGMENTS; i++) {
		fixture_fill(d->accession[i], 16, 10 + (uint32_t)i);
		fixture_fill(d->segment[i], 16, 20 + (uint32_t)i);
		fixture_fill(d->content_key[i], 32, 30 + (uint32_t)i);
		fixture_fill(d->catalogue_key[i], 32, 40 + (uint32_t)i);
		make_segment(d, i);
	}
	for (size_t i = 0; i < DOSSIER_ITEMS; i++)
		make_item(d, i);
	dossier_prove(d);
}

void dossier_close(struct dossier *d)
{
	for (size_t i = 0; i < DOSSIER_SEGMENTS; i++)
		wire_out_free(&d->header[i]);
	for (size_t i = 0; i < DOSSIER_ITEMS; i++)
		wire_out_free(&d->head[i]);
	for (size_t i = 0; i < DOSSIER_LEAVES; i++)
		wire_out_free(&d->line[i]);
	for (unsigned i = 0; i < 2; i++) {
		wire_out_free(&d->note[i]);
		identity_free(d->pool, d->id[i]);
	}
}

/* ---- the log ---- */

/* MTH over lines [first, first+n), and PATH: straight from RFC 9162, for small trees. */
static void subtree(merkle_hash out, const struct dossier *d, size_t first, size_t n)
{
	merkle_hash left, right;
	size_t k = 1;

	if (n == 1) {
		merkle_leaf(out, d->line[first].p, d->line[first].n);
		return;
	}
	while (2 * k < n)
		k *= 2;
	subtree(left, d, first, k);
	subtree(right, d, first + k, n - k);
	merkle_node(out, left, right);
}

static size_t path(merkle_hash *out, const struct dossier *d, size_t leaf, size_t first, size_t n)
{
	size_t k = 1, len;

	if (n == 1)
		return 0;
	while (2 * k < n)
		k *= 2;
	if (leaf < k) {
		len = path(out, d, leaf, first, k);
		subtree(out[len], d, first + k, n - k);
	} else {
		len = path(out, d, leaf - k, first + k, n - k);
		subtree(out[len], d, first, k);
	}
	return len + 1;
}

/* Log the next event; its proof is for later, when the size is known. */
static void log_event(struct dossier *d, size_t *n, struct event *ev, struct request_proof *p,
		      const struct wire_out *bytes)
{
	const struct event_key key = {d->id[DOSSIER_CAP]->journal, d->desc.id};
	struct wire_out *line = &d->line[*n];

	ev->seq = *n;
	wire_out_reset(line);
	ok(event_format(line, ev, key), "event_format");
	if (p)
		*p = (struct request_proof){.node = d->id[DOSSIER_CAP]->pub.id,
					    .index = *n,
					    .line = {(const char *)line->p, line->n},
					    .hash = (const merkle_hash *)d->hash[*n],
					    .bytes = bytes ? bytes->p : NULL,
					    .n = bytes ? bytes->n : 0};
	++*n;
}

void dossier_note(const struct dossier *d, unsigned which, uint64_t size, unsigned signer,
		  struct note_checkpoint *cp, struct wire_out *note)
{
	struct note_key k = {.type = NOTE_ED25519};
	struct wire_out text = {0};

	*cp = (struct note_checkpoint){.size = size};
	journal_origin(cp->origin, d->desc.id, d->who[which].pub.id);
	if (which == DOSSIER_CAP)
		subtree(cp->root, d, 0, size);
	else
		fixture_fill(cp->root, 32, (uint32_t)size); /* nothing of it is proved */
	strcpy(k.name, cp->origin);
	memcpy(k.pk, d->id[signer]->pub.sign, 32);
	note_checkpoint_text(&text, cp);
	wire_out_reset(note);
	ok(note_sign(note, (const char *)text.p, text.n, &k, d->id[signer]->sign), "note_sign");
	wire_out_free(&text);
}

static void prove_one(struct dossier *d, struct request_proof *p, size_t n)
{
	p->hashes = path(d->hash[p->index], d, p->index, 0, n);
}

void dossier_prove(struct dossier *d)
{
	struct event started = {.type = EVENT_STARTED, .time_ms = T0, .version = "0.1.0"};
	size_t n = 0;

	memcpy(started.archive, d->desc.id, 16);
	memcpy(started.node, d->id[DOSSIER_CAP]->pub.id, 16);
	log_event(d, &n, &started, NULL, NULL);
	for (size_t i = 0; i < DOSSIER_ITEMS; i++) {
		size_t seg = dossier_segment_of(i);

		if (i == 0 || dossier_segment_of(i - 1) != seg) {
			log_event(d, &n, &d->accession_event[seg], &d->accession_proof[seg], NULL);
			log_event(d, &n, &d->segment_event[seg], &d->segment_proof[seg],
				  &d->header[seg]);
		}
		log_event(d, &n, &d->item_event[i], &d->item_proof[i], &d->head[i]);
		if (i + 1 == DOSSIER_ITEMS || dossier_segment_of(i + 1) != seg)
			log_event(d, &n, &d->closed_event[seg], &d->closed_proof[seg], NULL);
	}
	for (size_t i = 0; i < DOSSIER_SEGMENTS; i++) {
		prove_one(d, &d->accession_proof[i], n);
		prove_one(d, &d->segment_proof[i], n);
		prove_one(d, &d->closed_proof[i], n);
	}
	for (size_t i = 0; i < DOSSIER_ITEMS; i++)
		prove_one(d, &d->item_proof[i], n);
	dossier_note(d, DOSSIER_CAP, n, DOSSIER_CAP, &d->checkpoint[0], &d->note[0]);
	dossier_note(d, DOSSIER_WS, 2, DOSSIER_WS, &d->checkpoint[1], &d->note[1]);

	fixture_fill(d->serial, sizeof(d->serial), 50);
	d->text = (struct request_text){.archive = d->desc.id,
					.serial = d->serial,
					.issued_ms = T0 + 5000,
					.requested_by = "alice@ws-7",
					.case_no = "C-1",
					.purpose = "plate dispute",
					.legal_basis = "19 USC 1581",
					.checkpoint = d->checkpoint,
					.checkpoints = 2,
					.item = d->item,
					.items = DOSSIER_ITEMS};
	d->checkpoints = 2;
	d->opened = d->closed = d->segments = DOSSIER_SEGMENTS;
	d->items = DOSSIER_ITEMS;
}

void dossier_write(struct dossier *d, unsigned signer, struct wire_out *out)
{
	const size_t closed = d->closed < d->text.accessions ? d->closed : d->text.accessions;
	struct wire_out bundle = {0};

	wire_out_reset(out);
	request_write_begin(&bundle);
	for (size_t i = 0; i < d->checkpoints; i++)
		request_write_checkpoint(&bundle, d->note[i].p, d->note[i].n);
	for (size_t i = 0; i < d->opened; i++)
		request_write_proof(&bundle, REQUEST_ACCESSION, &d->accession_proof[i]);
	for (size_t i = 0; i < closed; i++)
		request_write_proof(&bundle, REQUEST_ACCESSION_CLOSED, &d->closed_proof[i]);
	for (size_t i = 0; i < d->segments; i++)
		request_write_proof(&bundle, REQUEST_SEGMENT, &d->segment_proof[i]);
	for (size_t i = 0; i < d->items; i++)
		request_write_proof(&bundle, REQUEST_ITEM, &d->item_proof[i]);
	ok(request_write_file(
		   out, &d->text, &bundle,
		   (uint32_t)(d->checkpoints + d->opened + closed + d->segments + d->items),
		   d->id[signer]),
	   "request_write_file");
	wire_out_free(&bundle);
}
