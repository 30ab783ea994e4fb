/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/wire.h"
#include "fs/frame_digest.h"
#include "index/ledger.h"
#include "index/line.h"

#define SLOTS_MIN 1024u

struct known {
	struct station *s;
	struct mark_key key;
	struct known_ask ask;
	bool any;		  /* the index has marks */
	pthread_mutex_t lock;	  /* guards these: tags of what is on its way, open addressing */
	uint8_t (*tag)[MARK_TAG]; /* all zero: free, which no tag is but once in 2^128 */
	size_t slots, used;
};

static const uint8_t free_slot[MARK_TAG];

/* ---- what is on its way ---- */

/* The tag's slot, or the free one it would go to. Tags are keyed hashes: their bytes are as good as
 * any hash of them. */
static size_t slot_of(const struct known *k, const uint8_t tag[MARK_TAG])
{
	size_t i = (size_t)wire_get64(tag) & (k->slots - 1);

	while (memcmp(k->tag[i], free_slot, MARK_TAG) != 0 && memcmp(k->tag[i], tag, MARK_TAG) != 0)
		i = (i + 1) & (k->slots - 1);
	return i;
}

static int grow(struct known *k)
{
	struct known bigger = {.slots = k->slots ? 2 * k->slots : SLOTS_MIN};

	bigger.tag = calloc(bigger.slots, sizeof(*bigger.tag));
	if (!bigger.tag)
		return ERR_NOMEM;
	for (size_t i = 0; i < k->slots; i++)
		if (memcmp(k->tag[i], free_slot, MARK_TAG) != 0)
			memcpy(bigger.tag[slot_of(&bigger, k->tag[i])], k->tag[i], MARK_TAG);
	free(k->tag);
	k->tag = bigger.tag;
	k->slots = bigger.slots;
	return 0;
}

/* Note the tag. True in *was if it was there. Called with the lock held. */
static int claim(struct known *k, const uint8_t tag[MARK_TAG], bool *was)
{
	size_t i;

	if (2 * (k->used + 1) > k->slots && grow(k))
		return ERR_NOMEM;
	i = slot_of(k, tag);
	*was = memcmp(k->tag[i], tag, MARK_TAG) == 0;
	if (!*was)
		k->used++;
	memcpy(k->tag[i], tag, MARK_TAG);
	return 0;
}

static int claim_mark(struct known *k, const struct mark *m, enum known_is *is, struct err *e)
{
	bool content = false, place = false;
	int rc;

	pthread_mutex_lock(&k->lock);
	rc = claim(k, m->content, &content);
	if (rc == 0)
		rc = claim(k, m->place, &place);
	pthread_mutex_unlock(&k->lock);
	if (rc)
		return err_set(e, rc, "out of memory");
	if (place || (content && k->ask.policy == KNOWN_POLICY_CONTENT))
		*is = KNOWN_ON_ITS_WAY;
	else if (content)
		*is = KNOWN_ELSEWHERE;
	return 0;
}

/* ---- what was taken in before ---- */

/* Does the item of that line lie in the archive as it was logged? */
static int look_at(const struct known *k, struct db_txn *t, uint64_t seq, bool *good, struct err *e)
{
	const uint8_t *node = node_identity(k->s->node)->pub.id;
	struct ledger_journal *j = calloc(1, sizeof(*j));
	struct frame_digest now;
	struct wire_out line = {0};
	struct event ev;
	int rc = j ? ledger_get_journal(NULL, t, node, j, e) : ERR_NOMEM;

	*good = false;
	if (rc == 0) {
		const struct tree_reader tree = {t, j->number, j->state.range.size};

		rc = line_read(&tree, k->s->archive->journal, node, seq, &line, e);
	}
	if (rc == 0 && event_parse(&ev, (struct text_span){(const char *)line.p, line.n}) == 0 &&
	    ev.type == EVENT_INGEST) {
		frame_digest_now(&now, k->s->archive, &ev);
		*good = now.code == 0;
	}
	wire_out_free(&line);
	free(j);
	return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : rc;
}

static int find(const struct known *k, const struct mark *m, enum known_is *is, struct err *e)
{
	struct db_txn *t = NULL;
	bool elsewhere = false, good = true;
	uint64_t seq;
	int rc = db_begin(&t, k->s->db, false, e);

	if (rc)
		return rc;
	rc = mark_find(t, m, &seq, e);
	if (rc == ERR_NOTFOUND) {
		rc = mark_find_content(t, m, &seq, e);
		elsewhere = k->ask.policy != KNOWN_POLICY_CONTENT;
	}
	if (rc == 0 && k->ask.look && !elsewhere)
		rc = look_at(k, t, seq, &good, e);
	if (rc == 0)
		*is = elsewhere ? KNOWN_ELSEWHERE : good ? KNOWN_THERE : KNOWN_NEW;
	db_abort(t);
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* ---- all ---- */

int known_judge(struct known *k, const uint8_t sha256[32], const char *path, struct mark *mark,
		enum known_is *is, struct err *e)
{
	enum known_is before = KNOWN_NEW;
	int rc = 0;

	*is = KNOWN_NEW;
	mark_make(mark, k->key, sha256, k->ask.collection, path);
	if (k->ask.policy == KNOWN_POLICY_NONE)
		return 0;
	if (k->any)
		rc = find(k, mark, &before, e);
	if (rc == 0 && before == KNOWN_THERE)
		*is = before;
	else if (rc == 0 && (k->ask.repeats || k->ask.policy == KNOWN_POLICY_CONTENT))
		rc = claim_mark(k, mark, is, e);
	if (*is == KNOWN_NEW)
		*is = before;
	return rc;
}

void known_mark(const struct known *k, uint8_t out[MARK_SIZE], const uint8_t item[16],
		const struct mark *mark)
{
	mark_seal(out, k->key, item, mark);
}

bool known_any(const struct known *k)
{
	return k->any && k->ask.policy != KNOWN_POLICY_NONE;
}

static int count(struct known *k, struct err *e)
{
	struct db_txn *t = NULL;
	uint64_t n = 0;
	int rc = db_begin(&t, k->s->db, false, e);

	if (rc == 0)
		rc = db_count(t, KEY_MARK, &n, e);
	db_abort(t);
	k->any = n > 0;
	return rc;
}

int known_open(struct known **out, struct station *s, const struct known_ask *ask, struct err *e)
{
	struct known *k;
	int rc;

	*out = NULL;
	if (ask->policy != KNOWN_POLICY_NONE && s->withheld)
		return err_set(
			e, ERR_SYSTEM,
			"this node's log is not all in its index, so that it can't tell what "
			"it took in before: 'custody reindex' makes the index anew");
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_set(e, ERR_NOMEM, "out of memory");
	k->s = s;
	k->key = (struct mark_key){node_identity(s->node)->mark, s->archive->desc.id};
	k->ask = *ask;
	pthread_mutex_init(&k->lock, NULL);
	rc = ask->policy == KNOWN_POLICY_NONE ? 0 : count(k, e);
	if (rc)
		known_close(k);
	else
		*out = k;
	return rc;
}

void known_close(struct known *k)
{
	if (!k)
		return;
	pthread_mutex_destroy(&k->lock);
	free(k->tag);
	free(k);
}
