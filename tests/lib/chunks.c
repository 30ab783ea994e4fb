/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/chunks.h"

int chunks_open(struct stream_run *r, struct chunk_map m, uint64_t first, uint64_t count,
		uint8_t *plain, const uint8_t *stored, uint64_t *bad)
{
	const uint64_t last = chunk_count(m) - 1;

	for (uint64_t i = first; i < first + count; i++) {
		const size_t n = chunk_plain_len(m, i);
		int rc = stream_open(r, i, i == last, plain, stored, n + m.tag);

		if (rc) {
			*bad = i;
			return rc;
		}
		stored += n + m.tag;
		plain += n;
	}
	return 0;
}
