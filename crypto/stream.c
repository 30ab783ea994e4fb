/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/stream.h"

#include <string.h>

#include "crypto/err.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "crypto/wire.h"

void stream_commitment(uint8_t out[32], const uint8_t file_key[32])
{
	kdf_label(out, file_key, "custodyfs/v1 key commitment");
}

int stream_key_init(struct stream_key *k, int suite, const uint8_t file_key[32],
		    const uint8_t ad[STREAM_AD_SIZE])
{
	uint8_t content[32];
	int rc;

	kdf_label(content, file_key, "custodyfs/v1 content");
	rc = suite_key_init(&k->suite, suite, content);
	memcpy(k->ad, ad, STREAM_AD_SIZE);
	secret_wipe(content, sizeof(content));
	return rc;
}

/* Chunk number in 11 bytes, last-chunk flag in one. */
static void chunk_nonce(uint8_t nonce[SUITE_NONCE_SIZE], uint64_t chunk, bool last)
{
	memset(nonce, 0, 3);
	wire_put64(nonce + 3, chunk);
	nonce[11] = last ? 1 : 0;
}

int stream_begin(struct stream_run *r, const struct stream_key *k)
{
	r->key = k;
	return suite_begin(&r->suite, &k->suite);
}

void stream_end(struct stream_run *r)
{
	suite_end(&r->suite);
	r->key = NULL;
}

void stream_run_free(struct stream_run *r)
{
	suite_run_free(&r->suite);
	r->key = NULL;
}

int stream_seal(struct stream_run *r, uint64_t chunk, bool last, uint8_t *out, const void *in,
		size_t n)
{
	uint8_t nonce[SUITE_NONCE_SIZE];

	chunk_nonce(nonce, chunk, last);
	return suite_seal(&r->suite, out, in, n, r->key->ad, STREAM_AD_SIZE, nonce);
}

int stream_open(struct stream_run *r, uint64_t chunk, bool last, uint8_t *out, const uint8_t *in,
		size_t n)
{
	uint8_t nonce[SUITE_NONCE_SIZE];

	chunk_nonce(nonce, chunk, last);
	return suite_open(&r->suite, out, in, n, r->key->ad, STREAM_AD_SIZE, nonce);
}

int stream_seal_chunks(struct stream_run *r, struct chunk_map m, uint64_t first, uint64_t count,
		       uint8_t *stored, const uint8_t *plain)
{
	uint64_t last = chunk_count(m) - 1;

	for (uint64_t i = first; i < first + count; i++) {
		size_t n = chunk_plain_len(m, i);
		int rc = stream_seal(r, i, i == last, stored, plain, n);

		if (rc)
			return rc;
		stored += n + m.tag;
		plain += n;
	}
	return 0;
}
