/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/chunk.h"

#include "crypto/suite.h"

/*
 * No sum here can overflow: plain <= 2^50 in chunks of at least 2^12 makes at most 2^38 chunks and
 * 2^50 + 2^43 stored bytes. Only off and len come from outside, and are clamped before use.
 */

bool chunk_size_ok(uint32_t size)
{
	return size >= CHUNK_SIZE_MIN && size <= CHUNK_SIZE_MAX && (size & (size - 1)) == 0;
}

bool chunk_map_ok(struct chunk_map m)
{
	return chunk_size_ok(m.size) && m.plain <= CHUNK_PLAIN_MAX && m.tag > 0 &&
	       m.tag <= SUITE_TAG_MAX;
}

uint64_t chunk_count(struct chunk_map m)
{
	return m.plain ? (m.plain + m.size - 1) / m.size : 1;
}

uint64_t chunk_stored(struct chunk_map m)
{
	return m.plain + chunk_count(m) * m.tag;
}

bool chunk_unstored(struct chunk_map *m, uint64_t stored)
{
	const uint64_t whole = (uint64_t)m->size + m->tag;
	uint64_t n;

	m->plain = 0;
	if (m->size == 0 || m->tag == 0 || stored < m->tag)
		return false;
	n = stored / whole + (stored % whole > 0);
	m->plain = stored - n * m->tag;
	return m->plain <= CHUNK_PLAIN_MAX && chunk_stored(*m) == stored;
}

uint32_t chunk_plain_len(struct chunk_map m, uint64_t i)
{
	uint64_t left = m.plain - i * m.size;

	return left < m.size ? (uint32_t)left : m.size;
}

uint64_t chunk_offset(struct chunk_map m, uint64_t i)
{
	return i * ((uint64_t)m.size + m.tag);
}

struct chunk_range chunk_range(struct chunk_map m, uint64_t off, uint64_t len)
{
	struct chunk_range r = {0};
	uint64_t last;

	if (off >= m.plain || len == 0)
		return r;
	if (len > m.plain - off)
		len = m.plain - off;
	last = (off + len - 1) / m.size;
	r.first = off / m.size;
	r.count = last - r.first + 1;
	r.stored_off = chunk_offset(m, r.first);
	r.stored_len = chunk_offset(m, last) - r.stored_off + chunk_plain_len(m, last) + m.tag;
	r.skip = (uint32_t)(off % m.size);
	r.len = len;
	return r;
}
