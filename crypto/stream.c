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

void stream_seal(const struct stream_key *k, uint64_t chunk, bool last, uint8_t *out,
		 const void *in, size_t n)
{
	uint8_t nonce[SUITE_NONCE_SIZE];

	chunk_nonce(nonce, chunk, last);
	suite_seal(&k->suite, out, in, n, k->ad, STREAM_AD_SIZE, nonce);
}

int stream_open(const struct stream_key *k, uint64_t chunk, bool last, uint8_t *out,
		const uint8_t *in, size_t n)
{
	uint8_t nonce[SUITE_NONCE_SIZE];

	chunk_nonce(nonce, chunk, last);
	return suite_open(&k->suite, out, in, n, k->ad, STREAM_AD_SIZE, nonce);
}

void stream_seal_all(const struct stream_key *k, struct chunk_map m, uint8_t *stored,
		     const uint8_t *plain)
{
	uint64_t count = chunk_count(m);

	for (uint64_t i = 0; i < count; i++) {
		size_t n = chunk_plain_len(m, i);

		stream_seal(k, i, i == count - 1, stored, plain, n);
		stored += n + SUITE_TAG_SIZE;
		plain += n;
	}
}

int stream_open_range(const struct stream_key *k, struct chunk_map m, struct chunk_range r,
		      uint8_t *plain, const uint8_t *stored, uint64_t *bad)
{
	uint64_t count = chunk_count(m);

	for (uint64_t i = r.first; i < r.first + r.count; i++) {
		size_t n = chunk_plain_len(m, i);
		int rc = stream_open(k, i, i == count - 1, plain, stored, n + SUITE_TAG_SIZE);

		if (rc) {
			*bad = i;
			return rc;
		}
		stored += n + SUITE_TAG_SIZE;
		plain += n;
	}
	return 0;
}
