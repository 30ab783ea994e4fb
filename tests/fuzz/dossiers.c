// SPDX-License-Identifier: Apache-2.0
/* Targets: files that carry proofs. */
#include <stdlib.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/armor.h"
#include "crypto/hash.h"
#include "crypto/identity.h"
#include "fs/evidence.h"
#include "fs/receipt.h"
#include "fs/request.h"
#include "fs/request_write.h"
#include "index/journal.h"
#include "tests/fuzz/fuzz.h"

int fuzz_receipt(const uint8_t *p, size_t n)
{
	static struct receipt r;
	struct err e = {0};
	int rc = receipt_parse(&r, p, n, &e);

	if (rc == 0) {
		fuzz_must(r.bytes.n == n && memcmp(r.bytes.p, p, n) == 0);
		rc = receipt_check(&r, NULL, 0, &e);
		fuzz_must(rc != 0 || (r.damaged == 0 && r.unchecked == 0));
	}
	receipt_free(&r);
	return rc;
}

/* ---- nodes of known keys ---- */

static struct secret_pool *pool;

static const struct identity *identity(uint8_t value)
{
	static struct identity *known[256];
	uint8_t seed[32];

	if (!pool)
		fuzz_must(secret_pool_new(&pool, 1 << 14, NULL) == 0);
	fuzz_secret(seed, value);
	if (!known[value])
		fuzz_must(identity_from_seed(&known[value], pool, seed) == 0);
	return known[value];
}

static int find_node(void *ctx, const uint8_t node[16], struct roster_node *out)
{
	static const uint8_t seeds[] = {FUZZ_SECRET_CAP, FUZZ_SECRET_WS};

	(void)ctx;
	for (size_t i = 0; i < sizeof(seeds); i++) {
		const struct identity *id = identity(seeds[i]);

		if (memcmp(id->pub.id, node, 16) != 0)
			continue;
		*out = (struct roster_node){
			.pub = id->pub, .roles = ROSTER_INGEST | ROSTER_READER, .name = "node"};
		return 0;
	}
	return ERR_NOT_ENROLLED;
}

int fuzz_evidence(const uint8_t *p, size_t n)
{
	struct evidence v = {0};
	struct err e = {0};
	int rc = evidence_parse(&v, p, n, find_node, NULL, &e);

	fuzz_must(rc != 0 || v.logs > 0);
	evidence_free(&v);
	return rc;
}

static int request(const void *p, size_t n)
{
	static struct request r;
	struct err e = {0};
	uint64_t items, bytes;
	uint8_t secret[32];
	int rc = request_parse(&r, p, n, find_node, NULL, &e);

	if (rc == 0) {
		request_total(&r, &items, &bytes);
		fuzz_secret(secret, FUZZ_SECRET);
		(void)request_open(&r, secret, &e);
	}
	request_free(&r);
	return rc;
}

int fuzz_request(const uint8_t *p, size_t n)
{
	return request(p, n);
}

/*
 * The same from within: the text up to the line `bundle: `, an empty line, and the bundle as it is.
 * Digest, signature and armor are made here, as a workstation would that lies.
 */
int fuzz_bundle(const uint8_t *p, size_t n)
{
	const struct identity *ws = identity(FUZZ_SECRET_WS);
	struct note_key k = {.type = NOTE_ED25519};
	const uint8_t *gap = memmem(p, n, "\n\n", 2);
	struct wire_out text = {0}, whole = {0};
	struct text_in in;
	struct text_span v;
	uint8_t digest[HASH_SIZE], archive[16] = {0};
	char hex[2 * HASH_SIZE + 1];
	size_t head = gap ? (size_t)(gap - p) + 1 : 0;
	int rc = ERR_MALFORMED;

	if (!gap)
		return rc;
	in = text_in_init(p, head);
	if (text_line(&in, &v) && text_field(&in, "archive", &v))
		(void)text_unhex(v, archive, sizeof(archive));
	journal_origin(k.name, archive, ws->pub.id);
	memcpy(k.pk, ws->pub.sign, sizeof(k.pk));
	hash_sha256(digest, p + head + 1, n - head - 1);
	text_hex(hex, digest, sizeof(digest));
	wire_out_bytes(&text, p, head);
	wire_out_printf(&text, "bundle: %s\n", hex);
	if (note_sign(&whole, (const char *)text.p, text.n, &k, ws->sign) == 0) {
		armor_encode(&whole, REQUEST_LABEL, p + head + 1, n - head - 1);
		rc = request(whole.p, whole.n);
	}
	wire_out_free(&text);
	wire_out_free(&whole);
	return rc;
}
