/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selection sampling (Knuth, TAOCP volume 2, algorithm S): every set of so many items is equally
 * likely, in one pass and in place.
 */
#include "crypto/secret.h"
#include "fs/verify_internal.h"

/* From 0 to n - 1; the bias of the remainder is below 2^-30 for what memory holds. */
static uint64_t below(uint64_t n)
{
	uint64_t r;

	secret_random(&r, sizeof(r));
	return r % n;
}

static uint64_t count(const struct verify *v)
{
	const struct verify_placed *p = v->placed.p;
	uint64_t n = 0;

	for (size_t i = 0; i < v->placed.n; i++)
		n += !p[i].skip;
	return n;
}

void verify_sample(struct verify *v)
{
	struct verify_placed *p = v->placed.p;
	uint64_t left = count(v),
		 want = v->ask->sample && v->ask->sample < left ? v->ask->sample : left;

	v->sum->read = want;
	if (want < left)
		v->total = v->total / left * want; /* as many bytes as that many have on average */
	for (size_t i = 0; want < left && i < v->placed.n; i++) {
		if (p[i].skip)
			continue;
		p[i].skip = below(left--) >= want;
		want -= !p[i].skip;
	}
}
