/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed part of an authorisation: the file keys, for one node.
 */
#include "fs/authorisation.h"

#include <string.h>

#include "crypto/age.h"
#include "crypto/secret.h"

#define MAGIC "CUSTREL1"
#define MAGIC_SIZE 8

int authorisation_seal(struct wire_out *age_file, const struct authorisation *a,
		       const uint8_t (*item_keys)[32], const uint8_t (*accession_keys)[32],
		       const uint8_t recipient[32])
{
	struct wire_out plain = {0};
	uint8_t to[1][32];
	int rc = ERR_NOMEM;

	wire_out_bytes(&plain, MAGIC, MAGIC_SIZE);
	wire_out_u32(&plain, (uint32_t)a->items);
	for (size_t i = 0; i < a->items; i++) {
		wire_out_bytes(&plain, a->item[i].id, 16);
		wire_out_bytes(&plain, item_keys[i], 32);
	}
	wire_out_u32(&plain, (uint32_t)a->accessions);
	for (size_t i = 0; i < a->accessions; i++) {
		wire_out_bytes(&plain, a->accession[i], 16);
		wire_out_bytes(&plain, accession_keys[i], 32);
	}
	memcpy(to[0], recipient, sizeof(to[0]));
	if (wire_out_ok(&plain))
		rc = age_seal(age_file, to, 1, plain.p, plain.n);
	wire_out_wipe(&plain);
	return rc;
}

typedef int give_key(void *ctx, const uint8_t id[16], const uint8_t *commitment,
		     const uint8_t key[32]);

/* Walk the plaintext; without cb only look whether it is that of the text. */
static int walk(const struct authorisation *a, const struct wire_out *plain, give_key *cb,
		void *ctx, struct err *e)
{
	struct wire_in in = wire_in_init(plain->p, plain->n);
	const uint8_t *magic = wire_in_bytes(&in, MAGIC_SIZE);
	bool ok = magic && memcmp(magic, MAGIC, MAGIC_SIZE) == 0;
	int rc = 0;

	for (int kind = 0; ok && kind < 2; kind++) {
		const size_t count = kind ? a->accessions : a->items;

		ok = wire_in_u32(&in) == count;
		for (size_t i = 0; ok && rc == 0 && i < count; i++) {
			const uint8_t *id = kind ? a->accession[i] : a->item[i].id;
			const uint8_t *is = wire_in_bytes(&in, 16), *key = wire_in_bytes(&in, 32);

			ok = key && memcmp(is, id, 16) == 0;
			if (ok && cb)
				rc = cb(ctx, id, kind ? NULL : a->item[i].commitment, key);
		}
	}
	if (rc)
		return rc;
	if (!ok || !wire_in_end(&in))
		return err_set(e, ERR_MALFORMED, "the sealed keys are not those of the text");
	return 0;
}

int authorisation_open(const struct authorisation *a, const struct document *d,
		       const struct identity *id, give_key *cb, void *ctx, struct err *e)
{
	struct wire_out plain = {0};
	int rc;

	rc = age_open(&plain, id->receive, d->sealed.p, d->sealed.n);
	if (rc)
		rc = err_set(e, rc, "can't open the sealed keys of the authorisation: %s",
			     err_text(rc));
	/* All of it is looked at before any of it is used. */
	if (rc == 0)
		rc = walk(a, &plain, NULL, NULL, e);
	if (rc == 0)
		rc = walk(a, &plain, cb, ctx, e);
	wire_out_wipe(&plain);
	return rc;
}
