/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a request: what an authority does with a file from somebody it does not trust.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "fs/form.h"
#include "fs/request.h"
#include "fs/request_bundle.h"
#include "fs/request_write.h"
#include "index/journal.h"

#define REQUEST_MAX ((size_t)2 << 30)
#define CHECKPOINTS_MAX 4096u
#define BEGIN "\n-----BEGIN " REQUEST_LABEL "-----\n"

void request_free(struct request *r)
{
	for (size_t i = 0; i < r->items; i++) {
		wire_out_wipe(&r->item[i].record);
		secret_wipe(r->item[i].plain_sha256, sizeof(r->item[i].plain_sha256));
	}
	free(r->item);
	free(r->checkpoint);
	free(r->note);
	free(r->source);
	free(r->accession);
	free(r->opened);
	free(r->segment);
	wire_out_free(&r->bytes);
	wire_out_free(&r->bundle);
	*r = (struct request){0};
}

/* ---- what is asked for ---- */

const struct request_accession *request_whole(const struct request *r, const uint8_t id[16])
{
	for (size_t i = 0; r->accessions > 0 && i < r->nopened; i++)
		if (r->opened[i].whole && memcmp(r->opened[i].id, id, 16) == 0)
			return &r->opened[i];
	return NULL;
}

const struct request_accession *request_item_whole(const struct request *r,
						   const struct request_item *it)
{
	const struct request_accession *a = &r->opened[r->segment[it->place].opened];

	return a->whole ? a : NULL;
}

static void add(uint64_t *sum, uint64_t n)
{
	if (__builtin_add_overflow(*sum, n, sum))
		*sum = UINT64_MAX;
}

void request_total(const struct request *r, uint64_t *items, uint64_t *bytes)
{
	*items = *bytes = 0;
	for (size_t i = 0; i < r->items; i++) {
		if (request_item_whole(r, &r->item[i]))
			continue;
		add(items, 1);
		add(bytes, r->item[i].frame.size);
	}
	for (size_t i = 0; i < r->nopened; i++) {
		add(items, r->opened[i].whole ? r->opened[i].items : 0);
		add(bytes, r->opened[i].whole ? r->opened[i].bytes : 0);
	}
}

/* ---- the text ---- */

static void parse_checkpoints(struct form *f, struct request *r)
{
	do {
		struct note_checkpoint *c;

		if (!form_room(f, (void **)&r->checkpoint, r->checkpoints, CHECKPOINTS_MAX,
			       sizeof(*r->checkpoint)))
			return;
		c = &r->checkpoint[r->checkpoints];
		form_checkpoint(f, "checkpoint", c);
		for (size_t i = 0; i < r->checkpoints; i++)
			if (strcmp(r->checkpoint[i].origin, c->origin) == 0)
				form_fail(f, ERR_MALFORMED, "two checkpoints of one log");
		r->checkpoints++;
	} while (form_next(f, "checkpoint"));
}

/* `item: <id> <commitment>` */
static void parse_items(struct form *f, struct request *r)
{
	while (form_next(f, "item")) {
		struct text_span v, id, commitment;
		struct request_item *it;

		if (!form_room(f, (void **)&r->item, r->items, AUTHORISATION_ITEMS_MAX,
			       sizeof(*r->item)))
			return;
		it = &r->item[r->items++];
		*it = (struct request_item){0};
		form_span(f, "item", &v);
		if (!text_word(&v, &id) || !text_word(&v, &commitment) || v.n > 0 ||
		    !text_unhex(id, it->id.id, sizeof(it->id.id)) ||
		    !text_unhex(commitment, it->id.commitment, sizeof(it->id.commitment)))
			form_fail(f, ERR_MALFORMED, "'item' must be an id and a commitment");
	}
}

static void parse_accessions(struct form *f, struct request *r)
{
	while (form_next(f, "accession")) {
		if (!form_room(f, (void **)&r->accession, r->accessions, AUTHORISATION_ITEMS_MAX,
			       sizeof(*r->accession)))
			return;
		form_id(f, "accession", r->accession[r->accessions++]);
	}
}

/* All of the text; digest is what it says of the bundle. */
static int parse_text(struct request *r, struct text_span text, uint8_t digest[32], struct err *e)
{
	struct form f = form_begin(text, REQUEST_TITLE, e);

	form_id(&f, "archive", r->archive);
	form_id(&f, "serial", r->serial);
	form_id(&f, "node", r->node);
	form_time(&f, "issued", &r->issued_ms);
	form_text(&f, "requested-by", r->requested_by, sizeof(r->requested_by));
	form_text(&f, "case", r->case_no, sizeof(r->case_no));
	form_text(&f, "purpose", r->purpose, sizeof(r->purpose));
	if (form_next(&f, "legal-basis"))
		form_text(&f, "legal-basis", r->legal_basis, sizeof(r->legal_basis));
	parse_checkpoints(&f, r);
	parse_items(&f, r);
	parse_accessions(&f, r);
	if (r->items + r->accessions == 0)
		form_fail(&f, ERR_MALFORMED, "it names no item and no accession");
	form_hash(&f, "bundle", digest);
	if (!form_distinct(r->item, r->items, sizeof(*r->item), sizeof(r->item->id)) ||
	    !form_distinct(r->accession, r->accessions, 16, 16))
		form_fail(&f, ERR_MALFORMED, "an item or accession is named twice");
	return form_end(&f);
}

/* ---- signature and bundle ---- */

static int check_signature(const struct request *r, struct text_span note,
			   request_find_node *find_node, void *ctx, struct err *e)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct roster_node who;
	struct text_span text;
	int rc = find_node(ctx, r->node, &who);

	if (rc)
		return err_set(e, rc, "the node that asks: %s", err_text(rc));
	journal_origin(key.name, r->archive, r->node);
	memcpy(key.pk, who.pub.sign, sizeof(key.pk));
	if (note_verify(note, &key, &text, NULL) == 0)
		return 0;
	return err_set(e, ERR_FORGED, "the request is not signed by the node it names");
}

static int take_bundle(struct request *r, struct text_span armor, const uint8_t digest[32],
		       struct err *e)
{
	uint8_t is[HASH_SIZE];
	int rc = armor_decode(&r->bundle, REQUEST_LABEL, ARMOR_COLUMNS, armor);

	if (rc)
		return err_set(e, rc, "the request's bundle is malformed: its armor");
	hash_sha256(is, r->bundle.p, r->bundle.n);
	if (memcmp(is, digest, sizeof(is)) == 0)
		return 0;
	return err_set(e, ERR_DAMAGED, "the request's bundle is not the one its text names");
}

/* Where the note ends and the bundle begins. */
static int split(const struct request *r, struct text_span *note, struct text_span *armor,
		 struct err *e)
{
	const char *p = (const char *)r->bytes.p;
	const char *at = memmem(p, r->bytes.n, BEGIN, strlen(BEGIN));

	if (!at)
		return err_set(e, ERR_FOREIGN, "not a request: it has no bundle");
	*note = (struct text_span){p, (size_t)(at - p) + 1};
	*armor = (struct text_span){at + 1, r->bytes.n - note->n};
	return 0;
}

static int parse(struct request *r, request_find_node *find_node, void *ctx, struct err *e)
{
	struct text_span note = {"", 0}, armor = note, text = note, sigs;
	uint8_t digest[32];
	int rc = split(r, &note, &armor, e);

	if (rc)
		return rc;
	if (note_split(note, &text, &sigs) != 0)
		return err_set(e, ERR_MALFORMED, "not a request: not a signed note");
	rc = parse_text(r, text, digest, e);
	if (rc == 0)
		rc = check_signature(r, note, find_node, ctx, e);
	if (rc == 0)
		rc = take_bundle(r, armor, digest, e);
	if (rc == 0)
		rc = request_bundle_read(r, find_node, ctx, e);
	return rc;
}

int request_parse(struct request *r, const void *p, size_t n, request_find_node *find_node,
		  void *ctx, struct err *e)
{
	int rc;

	*r = (struct request){0};
	if (n > REQUEST_MAX)
		return err_set(e, ERR_MALFORMED, "the request is longer than 2 GiB");
	wire_out_bytes(&r->bytes, p, n);
	if (wire_out_ok(&r->bytes))
		rc = parse(r, find_node, ctx, e);
	else
		rc = err_set(e, ERR_NOMEM, "out of memory");
	if (rc)
		request_free(r);
	return rc;
}

/* ---- the records ---- */

/* The record key of a segment's accession. */
static int record_key(uint8_t key[32], const struct segment_header *h,
		      const uint8_t catalogue_secret[32], struct err *e)
{
	uint8_t catalogue[32];
	int rc = segment_catalogue_key(catalogue, h, catalogue_secret);

	if (rc)
		err_set(e, rc, "can't open the catalogue key of a segment: %s", err_text(rc));
	else
		kdf_label(key, catalogue, "custodyfs/v1 record");
	secret_wipe(catalogue, sizeof(catalogue));
	return rc;
}

static int open_item(struct request_item *it, const uint8_t key[32], struct err *e)
{
	uint8_t salt[32], commitment[32];
	char hex[33];
	int rc;

	text_hex(hex, it->id.id, sizeof(it->id.id));
	wire_out_wipe(&it->record);
	rc = frame_record_open(&it->record, salt, it->plain_sha256, it->head, it->head_len, key);
	if (rc)
		return err_set(e, rc, "can't open the record of item %s: %s", hex, err_text(rc));
	record_commitment(commitment, salt, it->record.p, it->record.n, it->plain_sha256);
	secret_wipe(salt, sizeof(salt));
	if (secret_equal(commitment, it->id.commitment, sizeof(commitment)))
		return 0;
	return err_set(e, ERR_FORGED, "the record of item %s is not the one the log committed to",
		       hex);
}

int request_open(struct request *r, const uint8_t catalogue_secret[32], struct err *e)
{
	const struct request_segment *seg = NULL;
	uint8_t key[32];
	int rc = 0;

	/* Items come in the order of their segments: one key at a time will do. */
	for (size_t i = 0; rc == 0 && i < r->items; i++) {
		struct request_item *it = &r->item[i];

		if (seg != &r->segment[it->place]) {
			seg = &r->segment[it->place];
			rc = record_key(key, &seg->header, catalogue_secret, e);
		}
		if (rc == 0)
			rc = open_item(it, key, e);
	}
	secret_wipe(key, sizeof(key));
	return rc;
}
