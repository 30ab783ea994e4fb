/* SPDX-License-Identifier: Apache-2.0 */
#include "index/meta.h"

/* A number of KEY_META. */
static int get(struct db_txn *t, enum key_meta what, bool *there, uint64_t *v, struct err *e)
{
	struct wire_out value = {0};
	int rc = db_get(t, KEY_META, key_u8((uint8_t)what), &value, e);

	*there = rc == 0;
	*v = 0;
	if (rc == 0) {
		struct wire_in in = wire_in_init(value.p, value.n);

		*v = wire_in_u64(&in);
		if (!wire_in_end(&in))
			rc = err_set(e, ERR_INDEX,
				     "the index is damaged: its own state does not decode");
	}
	wire_out_free(&value);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

static int put(struct db_batch *b, enum key_meta what, uint64_t v)
{
	uint8_t value[8];

	wire_put64(value, v);
	return db_batch_put(b, KEY_META, key_u8((uint8_t)what), value, sizeof(value));
}

int meta_get_names(struct db_txn *t, bool *known, bool *names, struct err *e)
{
	uint64_t v;
	int rc = get(t, KEY_META_NAMES, known, &v, e);

	*names = v != 0;
	return rc;
}

int meta_put_names(struct db_batch *b, bool names)
{
	return put(b, KEY_META_NAMES, names);
}

int meta_get_turn(struct db_txn *t, uint64_t *turn, struct err *e)
{
	bool there;

	return get(t, KEY_META_TURN, &there, turn, e);
}

int meta_put_turn(struct db_batch *b, uint64_t turn)
{
	return put(b, KEY_META_TURN, turn);
}
