// SPDX-License-Identifier: Apache-2.0
/*
 * mkseeds DIR: good inputs for the targets of tests/fuzz that no program writes by itself, under the
 * fixed keys that the targets have: DIR/<target>.<name>. And DIR/cap.key and DIR/ws.key, the key files
 * of two nodes.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "fs/frame.h"
#include "fs/segment.h"
#include "index/db.h"
#include "index/object_value.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fixture.h"

static const char *dir;
static uint8_t secret[32], public[32];
static const uint8_t id[16] = {1, 2, 3};

static void must(int rc)
{
	if (rc)
		errx(1, "%s", err_text(rc));
}

/* Frees out. */
static void put(const char *name, struct wire_out *out)
{
	char path[FIXTURE_PATH];

	if (!wire_out_ok(out))
		errx(1, "out of memory");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fixture_write(path, out->p, out->n);
	wire_out_free(out);
}

static void put_key(const char *name, uint8_t value, const char *pass)
{
	struct wire_out out = {0};
	uint8_t seed[32];

	memset(seed, value, sizeof(seed));
	must(identity_keyfile_seal(wire_out_room(&out, IDENTITY_KEYFILE_SIZE), IDENTITY_KIND_NODE,
				   seed, pass, pass ? strlen(pass) : 0));
	put(name, &out);
}

static void keys(void)
{
	struct wire_out out = {0};
	char text[AGE_IDENTITY_TEXT];

	put_key("cap.key", FUZZ_SECRET_CAP, NULL);
	put_key("ws.key", FUZZ_SECRET_WS, NULL);
	put_key("keyfile.raw", FUZZ_SECRET, NULL);
	put_key("keyfile.passphrase", FUZZ_SECRET, "a passphrase");
	age_recipient_text(text, public);
	wire_out_text(&out, text);
	put("agekey.recipient", &out);
	age_identity_text(text, secret);
	wire_out_text(&out, text);
	put("agekey.identity", &out);
}

static void sealed_files(void)
{
	static uint8_t plain[200];
	struct wire_out out = {0}, text = {0};
	uint8_t two[2][32];

	must(age_seal(&out, &public, 1, "evidence\n", 9));
	age_armor(&text, out.p, out.n);
	put("age.short", &out);
	put("armor.short", &text);
	must(age_seal(&out, &public, 1, plain, sizeof(plain)));
	age_armor(&text, out.p, out.n);
	put("age.longer", &out);
	put("armor.longer", &text);
	memset(two[0], 9, 32);
	memcpy(two[1], public, 32);
	must(age_seal(&out, two, 2, "", 0));
	put("age.two-recipients-empty", &out);
}

static void notes(void)
{
	struct note_checkpoint cp = {.origin = "custodyfs/test", .size = 7, .root = {5}};
	struct note_key k = {.type = NOTE_ED25519, .name = "custodyfs/test"};
	struct wire_out text = {0}, out = {0};
	uint8_t sk[64];

	note_keypair(&k, sk, secret);
	note_checkpoint_text(&text, &cp);
	must(note_sign(&out, (char *)text.p, text.n, &k, sk));
	put("note.signed", &out);
	must(note_sign(&out, (char *)text.p, text.n, &k, sk));
	k.type = NOTE_COSIGNATURE;
	must(note_signature(&out, (char *)text.p, text.n, &k, sk, 1795417800));
	put("note.cosigned", &out);
	put("checkpoint.plain", &text);
	note_vkey_text(&out, &k);
	put("vkey.cosignature", &out);
	k.type = NOTE_ED25519;
	note_vkey_text(&out, &k);
	put("vkey.ed25519", &out);
}

/* The tree of tests/fuzz/logs.c. */
static int leaf(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	merkle_hash left, right;
	uint8_t byte = (uint8_t)index;

	(void)ctx;
	if (level == 0) {
		merkle_leaf(out, &byte, 1);
		return 0;
	}
	leaf(ctx, level - 1, 2 * index, left);
	leaf(ctx, level - 1, 2 * index + 1, right);
	merkle_node(out, left, right);
	return 0;
}

static void put_proof(const char *name, uint8_t kind, uint64_t a, uint64_t size)
{
	merkle_hash proof[MERKLE_PROOF_MAX];
	struct wire_out out = {0};
	size_t n;

	if (kind == 0)
		must(merkle_inclusion(proof, &n, a, size, leaf, NULL));
	else
		must(merkle_consistency(proof, &n, a, size, leaf, NULL));
	wire_out_u8(&out, kind);
	wire_out_u64(&out, a);
	wire_out_u64(&out, size);
	wire_out_bytes(&out, proof, n * MERKLE_HASH);
	put(name, &out);
}

static void proofs(void)
{
	put_proof("proof.inclusion-3-of-11", 0, 3, 11);
	put_proof("proof.inclusion-10-of-11", 0, 10, 11);
	put_proof("proof.inclusion-only", 0, 0, 1);
	put_proof("proof.consistency-7-11", 1, 7, 11);
	put_proof("proof.consistency-8-32", 1, 8, 32);
	put_proof("proof.consistency-same", 1, 5, 5);
}

static void make_record(struct wire_out *out)
{
	struct record *r;

	must(record_new(&r));
	must(record_set_text(r, "path", "lane-3/car1.jpg"));
	must(record_set_text(r, "collection", "otay-2019"));
	must(record_set_text(r, "manifest.plate", "ABC1234"));
	must(record_encode(r, out));
	record_free(r);
}

static void put_frame(const char *name, uint16_t suite, uint64_t size)
{
	static const uint8_t content[5000];
	struct frame f = {.size = size, .chunk_size = 4096, .suite = suite};
	struct frame_keys keys;
	struct stream_run run = {0};
	struct stream_key k;
	struct wire_out out = {0}, record = {0};
	uint8_t file_key[32], commitment[32], digest[32] = {3}, ad[STREAM_AD_SIZE];
	const struct chunk_map m = frame_map(&f);

	memcpy(f.archive, id, 16);
	memcpy(f.item, id, 16);
	memcpy(keys.wrap, secret, 32);
	memcpy(keys.record, secret, 32);
	memset(file_key, 7, sizeof(file_key));
	make_record(&record);
	must(frame_head_seal(&out, &f, &keys, file_key, secret, digest, record.p, record.n,
			     commitment));
	wire_out_free(&record);
	frame_stream_ad(ad, out.p);
	must(stream_key_init(&k, suite, file_key, ad));
	must(stream_begin(&run, &k));
	must(stream_seal_chunks(&run, m, 0, chunk_count(m), wire_out_room(&out, chunk_stored(m)),
				content));
	stream_run_free(&run);
	put(name, &out);
}

static void segments(void)
{
	struct segment_header h = {
		.suite = SUITE_XCHACHA20POLY1305, .chunk_size = 4096, .epoch = 1};
	struct wire_out out = {0};

	memcpy(h.archive, id, 16);
	memcpy(h.accession, id, 16);
	memcpy(h.segment, id, 16);
	must(segment_header_make(&out, &h, secret, public, secret, public));
	put("segment.header", &out);
	put_frame("frame.xchacha", SUITE_XCHACHA20POLY1305, 100);
	put_frame("frame.two-chunks", SUITE_XCHACHA20POLY1305, 5000);
	put_frame("frame.empty", SUITE_XCHACHA20POLY1305, 0);
	if (suite_available(SUITE_AES256GCM))
		put_frame("frame.gcm", SUITE_AES256GCM, 100);
	make_record(&out);
	put("record.small", &out);
}

static void put_value(const char *name, enum key_table table, struct wire_out *value)
{
	struct wire_out out = {0};
	char file[64];

	snprintf(file, sizeof(file), "value.%s", name);
	wire_out_u8(&out, (uint8_t)table);
	wire_out_bytes(&out, value->p, value->n);
	wire_out_free(value);
	put(file, &out);
}

/* Those that have an encoder of their own; the others are of one size, and any bytes will do. */
static void values(void)
{
	struct object_value v = {.o = {.kind = OBJECT_ITEM, .parent = 1, .size = 5},
				 .plain = "a.jpg"};
	struct object_entry en = {.ino = 20, .kind = OBJECT_ITEM, .name = "name", .nlink = 1};
	struct object_totals sum = {1, 2, 3, 4};
	struct wire_out out = {0};

	object_value_encode(&out, &v);
	put_value("item", KEY_OBJECT, &out);
	v = (struct object_value){.o = {.kind = OBJECT_DIR, .parent = 1, .nlink = 2, .name = "d"}};
	object_value_encode(&out, &v);
	put_value("folder", KEY_OBJECT, &out);
	object_value_entry_encode(&out, &en);
	put_value("entry", KEY_NAME, &out);
	object_value_totals_encode(&out, &sum);
	put_value("totals", KEY_META, &out);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: mkseeds DIR");
	dir = argv[1];
	memset(secret, FUZZ_SECRET, sizeof(secret));
	age_public(public, secret);
	keys();
	sealed_files();
	notes();
	proofs();
	segments();
	values();
	return 0;
}
