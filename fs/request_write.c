/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_write.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/hash.h"
#include "index/journal.h"

void request_write_begin(struct wire_out *bundle)
{
	wire_out_bytes(bundle, REQUEST_MAGIC, REQUEST_MAGIC_SIZE);
	wire_out_u32(bundle, 0); /* sections: request_write_file() knows */
}

void request_write_checkpoint(struct wire_out *bundle, const void *note, size_t n)
{
	wire_out_u8(bundle, REQUEST_CHECKPOINT);
	wire_out_str32(bundle, note, n);
}

void request_write_proof(struct wire_out *bundle, enum request_section kind,
			 const struct request_proof *p)
{
	const size_t hashes = p->hashes * sizeof(merkle_hash);

	wire_out_u8(bundle, kind);
	wire_out_u32(bundle, (uint32_t)(16 + 8 + 4 + p->line.n + 2 + hashes + 4 + p->n));
	wire_out_bytes(bundle, p->node, 16);
	wire_out_u64(bundle, p->index);
	wire_out_str32(bundle, p->line.p, p->line.n);
	wire_out_u16(bundle, (uint16_t)p->hashes);
	wire_out_bytes(bundle, p->hash, hashes);
	wire_out_str32(bundle, p->bytes, p->n);
}

static void put_id(struct wire_out *out, const char *key, const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	wire_out_printf(out, "%s: %s\n", key, hex);
}

static void put_lists(struct wire_out *out, const struct request_text *t)
{
	char id[33], hash[65], root[45];

	for (size_t i = 0; i < t->checkpoints; i++) {
		text_base64(root, t->checkpoint[i].root, sizeof(t->checkpoint[i].root));
		wire_out_printf(out, "checkpoint: %s %" PRIu64 " %s\n", t->checkpoint[i].origin,
				t->checkpoint[i].size, root);
	}
	for (size_t i = 0; i < t->items; i++) {
		text_hex(id, t->item[i].id, sizeof(t->item[i].id));
		text_hex(hash, t->item[i].commitment, sizeof(t->item[i].commitment));
		wire_out_printf(out, "item: %s %s\n", id, hash);
	}
	for (size_t i = 0; i < t->accessions; i++)
		put_id(out, "accession", t->accession[i]);
}

static void put_text(struct wire_out *out, const struct request_text *t, const uint8_t node[16],
		     const struct wire_out *bundle)
{
	uint8_t digest[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1], time[TEXT_TIME_SIZE];

	wire_out_text(out, REQUEST_TITLE "\n");
	put_id(out, "archive", t->archive);
	put_id(out, "serial", t->serial);
	put_id(out, "node", node);
	text_time_s(time, t->issued_ms / 1000);
	wire_out_printf(out, "issued: %s\nrequested-by: %s\ncase: %s\npurpose: %s\n", time,
			t->requested_by, t->case_no, t->purpose);
	if (t->legal_basis && *t->legal_basis)
		wire_out_printf(out, "legal-basis: %s\n", t->legal_basis);
	put_lists(out, t);
	hash_sha256(digest, bundle->p, bundle->n);
	text_hex(hex, digest, sizeof(digest));
	wire_out_printf(out, "bundle: %s\n", hex);
}

int request_write_file(struct wire_out *out, const struct request_text *t, struct wire_out *bundle,
		       uint32_t sections, const struct identity *id)
{
	struct note_key k = {.type = NOTE_ED25519};
	struct wire_out text = {0};
	int rc;

	if (!wire_out_ok(bundle))
		return ERR_NOMEM;
	wire_put32(bundle->p + REQUEST_MAGIC_SIZE, sections);
	put_text(&text, t, id->pub.id, bundle);
	journal_origin(k.name, t->archive, id->pub.id);
	memcpy(k.pk, id->pub.sign, sizeof(k.pk));
	if (wire_out_ok(&text))
		rc = note_sign(out, (const char *)text.p, text.n, &k, id->sign);
	else
		rc = ERR_NOMEM;
	wire_out_free(&text);
	if (rc)
		return rc;
	armor_encode(out, REQUEST_LABEL, bundle->p, bundle->n);
	return wire_out_ok(out) ? 0 : ERR_NOMEM;
}
