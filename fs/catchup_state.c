/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_state.h"

#include <string.h>

#include "index/meta.h"

int catchup_state_init(struct catchup_state *s, struct db *db, bool names, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->db = db;
	s->names = names;
	if (object_add_new(&s->add, db_name_key(db)) ||
	    posting_writer_new(&s->postings, db_name_key(db)) || sheet_writer_new(&s->sheets) ||
	    view_writer_new(&s->views, db_name_key(db)))
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static void finish(struct catchup_state *s)
{
	db_abort(s->txn);
	db_batch_free(s->batch);
	s->txn = NULL;
	s->batch = NULL;
}

void catchup_state_free(struct catchup_state *s)
{
	finish(s);
	object_add_free(s->add);
	posting_writer_free(s->postings);
	sheet_writer_free(s->sheets);
	view_writer_free(s->views);
	memset(s, 0, sizeof(*s));
}

void catchup_state_drop(struct catchup_state *s)
{
	finish(s);
	object_add_reset(s->add);
	posting_reset(s->postings);
	find_reset(&s->find);
	sheet_reset(s->sheets);
	view_writer_reset(s->views);
}

int catchup_state_begin(struct catchup_state *s, struct err *e)
{
	uint64_t turn = 0;
	int rc = db_begin(&s->txn, s->db, false, e);

	if (rc == 0)
		rc = meta_get_turn(s->txn, &turn, e);
	if (rc == 0)
		rc = db_batch_new(&s->batch, s->db, e);
	if (rc) {
		catchup_state_drop(s);
		return rc;
	}
	if (turn != s->turn)
		object_add_reset(s->add);
	s->turn = turn;
	return 0;
}

/* Within the write transaction: is the index still the one of the snapshot? */
static int same_turn(void *ctx, struct db_txn *t)
{
	const struct catchup_state *s = ctx;
	uint64_t turn;
	int rc = meta_get_turn(t, &turn, NULL);

	return rc ? rc : turn == s->turn ? 0 : ERR_BUSY;
}

int catchup_state_end(struct catchup_state *s, struct err *e)
{
	int rc = object_add_flush(s->add, s->batch);

	if (rc == 0)
		rc = posting_flush(s->postings, s->batch, s->txn, e);
	if (rc == 0)
		rc = find_flush(&s->find, s->batch, e);
	if (rc == 0)
		rc = sheet_flush(s->sheets, s->batch, e);
	if (rc == 0)
		rc = view_flush(s->views, s->batch, s->txn, s->turn + 1, &s->views_changed, e);
	if (rc == 0)
		rc = meta_put_names(s->batch, s->names);
	if (rc == 0)
		rc = meta_put_turn(s->batch, s->turn + 1);
	if (rc) {
		catchup_state_drop(s);
		return err_set(e, rc, "a batch for the index can't be made: %s", err_text(rc));
	}
	db_abort(s->txn); /* a thread that is in a transaction can't write */
	s->txn = NULL;
	rc = db_batch_apply(s->batch, same_turn, s, e);
	if (rc) {
		catchup_state_drop(s);
		return rc == ERR_BUSY ? err_set(e, rc, "another process writes to the index") : rc;
	}
	s->turn++;
	finish(s);
	return 0;
}

/* How much waits for the views. */
static int waiting(struct catchup_state *s, enum view_waiting *out, struct err *e)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, s->db, false, e);

	if (rc == 0)
		rc = view_waiting(t, out, e);
	db_abort(t);
	return rc;
}

/* One batch of it. *v is what is being settled, NULL to begin; *turn what it was read at. */
static int settle_some(struct catchup_state *s, struct view_settle **v, uint64_t *turn, bool *done,
		       struct err *e)
{
	int rc = catchup_state_begin(s, e);

	if (rc)
		return rc;
	if (*v && *turn != s->turn) {
		view_settle_free(*v);
		*v = NULL;
	}
	if (!*v)
		rc = view_settle_begin(v, s->txn, e);
	if (rc == 0)
		rc = view_settle_step(*v, s->batch, s->txn, s->turn + 1, done, e);
	if (rc) {
		catchup_state_drop(s);
		return rc;
	}
	s->views_changed = true;
	rc = catchup_state_end(s, e);
	*turn = s->turn;
	return rc;
}

static int settle_all(struct catchup_state *s, struct err *e)
{
	struct view_settle *v = NULL;
	uint64_t turn = 0;
	bool done = false;
	int rc = 0;

	while (rc == 0 && !done) {
		rc = settle_some(s, &v, &turn, &done, e);
		if (rc == ERR_BUSY) {
			view_settle_free(v);
			v = NULL;
			done = false;
			rc = 0;
		}
	}
	view_settle_free(v);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

int catchup_state_settle(struct catchup_state *s, bool due, struct err *e)
{
	enum view_waiting much = VIEW_SETTLED;
	int rc;

	/* What lost its name to another waits once more. */
	while ((rc = waiting(s, &much, e)) == 0 && much != VIEW_SETTLED &&
	       !(due && much != VIEW_DUE)) {
		rc = settle_all(s, e);
		if (rc)
			break;
	}
	return rc;
}
