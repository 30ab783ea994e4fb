/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the authority as a witness: one from the beginning, in witness.key, and one more for each
 * time that one was replaced, in witness-2.key and so on. The old ones stay: each archive.txt names the
 * one that counts for its archive, and is changed when its officers sign that.
 */
#include "fs/authority_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"

#define KEYS_MAX 256u
#define NAME_SIZE 24

static void secret_name(char out[NAME_SIZE], unsigned n)
{
	if (n == 1)
		strcpy(out, "witness");
	else
		snprintf(out, NAME_SIZE, "witness-%u", n);
}

static bool is_there(const struct authority *a, unsigned n)
{
	char name[NAME_SIZE], file[NAME_SIZE + 4];

	secret_name(name, n);
	snprintf(file, sizeof(file), "%s.key", name);
	return faccessat(a->home.fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The key pair of a secret; sk is 64 bytes of secret memory. */
static void derive(struct note_key *k, uint8_t sk[64], const uint8_t seed[32])
{
	const struct hash_part part[] = {{"custodyfs/v1 witness", 20}, {k->pk, sizeof(k->pk)}};
	uint8_t id[HASH_SIZE];
	char hex[33];

	note_keypair(k, sk, seed);
	/* A cosignature does not sign its name, so one key must have one: it is made of the key. */
	hash_parts(id, part, 2);
	text_hex(hex, id, 16);
	k->type = NOTE_COSIGNATURE;
	snprintf(k->name, sizeof(k->name), "custodyfs-witness/%s", hex);
}

int authority_new_witness(struct authority *a, bool keep, struct note_key *k, struct err *e)
{
	uint8_t *seed = secret_take(a->pool, 32), *sk = secret_take(a->pool, 64);
	char name[NAME_SIZE];
	unsigned n = 1;
	int rc = 0;

	if (!seed || !sk) {
		rc = err_set(e, ERR_NOMEM, "no secret memory left");
		goto out;
	}
	while (n < KEYS_MAX && is_there(a, n))
		n++;
	secret_name(name, n);
	secret_random(seed, 32);
	if (n == KEYS_MAX)
		rc = err_set(e, ERR_USAGE, "%s has had %u witness keys", a->home.path, n);
	else if (keep)
		rc = authority_secret_write(a, name, seed, e);
	if (rc == 0)
		derive(k, sk, seed);
out:
	secret_give(a->pool, seed);
	secret_give(a->pool, sk);
	return rc;
}

int authority_witness_names(const struct archive_desc *d, const struct note_key *k)
{
	for (size_t i = 0; i < d->witnesses; i++)
		if (strcmp(d->witness[i].name, k->name) == 0 &&
		    memcmp(d->witness[i].pk, k->pk, sizeof(k->pk)) == 0)
			return (int)i;
	return -1;
}

/* The n-th pair, if there is one: ERR_KEY. */
static int read_pair(struct authority *a, unsigned n, struct note_key *k, uint8_t sk[64],
		     struct err *e)
{
	uint8_t *seed = secret_take(a->pool, 32);
	char name[NAME_SIZE];
	int rc;

	if (!seed)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	secret_name(name, n);
	rc = authority_secret_read(a, name, seed, e);
	if (rc == 0)
		derive(k, sk, seed);
	secret_give(a->pool, seed);
	return rc;
}

int authority_witness_key(struct authority *a, const struct archive_desc *d, struct note_key *k,
			  uint8_t sk[64], struct err *e)
{
	struct err why = {0};
	bool any = false;
	int rc;

	/* The newest first. One that can't be read hides no other. */
	for (unsigned n = KEYS_MAX; n-- > 1;) {
		if (!is_there(a, n))
			continue;
		any = true;
		rc = read_pair(a, n, k, sk, &why);
		if (rc == ERR_NOMEM)
			return err_set(e, rc, "%s", why.text);
		if (rc == 0 && authority_witness_names(d, k) >= 0)
			return 0;
	}
	if (!any)
		return read_pair(a, 1, k, sk, e);
	if (why.code)
		return err_set(e, why.code, "%s", why.text);
	return err_set(
		e, ERR_WRONG_KEY,
		"archive.txt does not name this authority's witness, so that its cosignature "
		"would count for nobody");
}

int authority_witness_verify(struct authority *a, struct text_span note, struct note_key *k,
			     struct text_span *text, uint64_t *time)
{
	uint8_t *sk = secret_take(a->pool, 64);
	int rc = sk ? ERR_KEY : ERR_NOMEM;

	for (unsigned n = KEYS_MAX; rc == ERR_KEY && n-- > 1;)
		if (is_there(a, n) && read_pair(a, n, k, sk, NULL) == 0)
			rc = note_verify(note, k, text, time);
	secret_give(a->pool, sk);
	return rc;
}
