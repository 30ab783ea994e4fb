/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/release.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fs/frame.h"
#include "fs/release_keys.h"
#include "fs/release_meter.h"

#define PASSWD_MAX (1u << 20) /* bytes of one account's entry; groups don't count here */

struct release {
	atomic_uint refs;
	struct authorisation terms;
	struct release_keys *keys;
	int64_t admitted_ms;
	uint32_t uid[AUTHORISATION_USERS_MAX];
	size_t uids;	  /* fewer than users where some are no local account: those allow nobody */
	atomic_int ended; /* 0, or why */
	struct release_meter meter;
	pthread_mutex_t lock; /* guards the list, and is held while it is told of the end */
	struct release_watch *watching;
};

struct release_set {
	struct secret_pool *pool;
	bool (*account)(void *ctx, const char *name, uint32_t *uid);
	void *account_ctx;
	pthread_mutex_t lock;  /* guards the rest */
	struct release **list; /* in order of admission; each held once */
	size_t n;
	_Atomic uint64_t known;
};

/* ---- one release ---- */

void release_hold(struct release *r)
{
	atomic_fetch_add(&r->refs, 1);
}

void release_drop(struct release *r)
{
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	release_keys_free(r->keys);
	authorisation_free(&r->terms);
	release_meter_free(&r->meter);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

const struct authorisation *release_terms(const struct release *r)
{
	return &r->terms;
}

int release_ended(const struct release *r)
{
	return atomic_load(&r->ended);
}

bool release_end(struct release *r, int why)
{
	int alive = 0;
	bool ended = atomic_compare_exchange_strong(&r->ended, &alive, why);

	if (!ended)
		return false;
	release_keys_wipe(r->keys);
	pthread_mutex_lock(&r->lock);
	for (struct release_watch *w = r->watching; w; w = w->next)
		w->wipe(w->ctx);
	pthread_mutex_unlock(&r->lock);
	return true;
}

int release_watch(struct release *r, struct release_watch *w)
{
	int ended;

	pthread_mutex_lock(&r->lock);
	/* Whoever ends it from here on has to wait for the lock, and finds w in the list. */
	ended = release_ended(r);
	if (!ended) {
		w->prev = NULL;
		w->next = r->watching;
		if (w->next)
			w->next->prev = w;
		r->watching = w;
	}
	pthread_mutex_unlock(&r->lock);
	return ended;
}

void release_unwatch(struct release *r, struct release_watch *w)
{
	pthread_mutex_lock(&r->lock);
	if (w->next)
		w->next->prev = w->prev;
	if (w->prev)
		w->prev->next = w->next;
	else
		r->watching = w->next;
	pthread_mutex_unlock(&r->lock);
}

bool release_allows(const struct release *r, uint32_t uid)
{
	bool found = r->terms.nusers == 0;

	for (size_t i = 0; i < r->uids && !found; i++)
		found = r->uid[i] == uid;
	return found;
}

int release_charge_open(struct release *r, uint64_t handle, uint64_t size)
{
	int ended = release_ended(r);

	return ended ? ended : release_meter_open(&r->meter, handle, size);
}

int release_charge_bytes(struct release *r, uint64_t handle, uint64_t n)
{
	int ended = release_ended(r);

	return ended ? ended : release_meter_bytes(&r->meter, handle, n);
}

void release_bind(const struct release *r, uint64_t judged, struct event *ev)
{
	/* A line of a later time would tell of an open that nothing covers. */
	ev->latest_ms = r->terms.not_after_ms;
	ev->judged = judged;
	ev->metered = release_meter_limited(&r->meter);
}

void release_uncharge(struct release *r, uint64_t handle)
{
	release_meter_cancel(&r->meter, handle);
}

int release_over(struct release *r)
{
	return release_meter_over(&r->meter);
}

void release_used(struct release *r, uint64_t *opens, uint64_t *bytes)
{
	release_meter_used(&r->meter, opens, bytes);
}

void release_note(struct release *r, uint64_t lines, uint64_t opens, uint64_t bytes)
{
	release_meter_note(&r->meter, lines, opens, bytes);
}

int release_file_key(struct release *r, const uint8_t item[16], const uint8_t commitment[32],
		     const uint8_t accession[16], const uint8_t *head, size_t head_len,
		     uint8_t file_key[32])
{
	uint8_t wrap[32];
	int rc = release_ended(r);

	if (rc)
		return rc;
	rc = release_keys_get(r->keys, item, commitment, file_key);
	if (rc == ERR_NOTFOUND) {
		rc = release_keys_get(r->keys, accession, NULL, wrap);
		if (rc == 0)
			rc = frame_unwrap(file_key, head, head_len, wrap);
		secret_wipe(wrap, sizeof(wrap));
	}
	/* Not found because it ended meanwhile, or because it never was covered? */
	if (rc == ERR_NOTFOUND)
		rc = release_ended(r) ? release_ended(r) : ERR_NOT_COVERED;
	return rc;
}

/* ---- users ---- */

static bool resolve(void *ctx, const char *name, uint32_t *uid)
{
	size_t cap = 1024;
	struct passwd pw, *found = NULL;
	char *buf = NULL;
	int rc = ERANGE;

	(void)ctx;
	while (rc == ERANGE && cap <= PASSWD_MAX) {
		char *grown = realloc(buf, cap);

		if (!grown)
			break;
		buf = grown;
		rc = getpwnam_r(name, &pw, buf, cap, &found);
		cap *= 4;
	}
	if (rc == 0 && found)
		*uid = pw.pw_uid;
	free(buf);
	return rc == 0 && found;
}

static void resolve_users(struct release *r, const struct release_set *s)
{
	for (size_t i = 0; i < r->terms.nusers; i++) {
		if (s->account(s->account_ctx, r->terms.users[i], &r->uid[r->uids]))
			r->uids++;
	}
}

int release_new(struct release **out, struct release_set *s, struct authorisation *terms,
		const struct release_start *start)
{
	struct release *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (!r || release_keys_new(&r->keys, s->pool, terms)) {
		free(r);
		authorisation_free(terms);
		return ERR_NOMEM;
	}
	r->terms = *terms;
	memset(terms, 0, sizeof(*terms));
	r->admitted_ms = start->admitted_ms;
	pthread_mutex_init(&r->lock, NULL);
	atomic_init(&r->refs, 1);
	atomic_init(&r->ended, start->ended);
	release_meter_init(&r->meter, r->terms.max_opens, r->terms.max_bytes, start->opens,
			   start->bytes);
	resolve_users(r, s);
	*out = r;
	return 0;
}

int release_put_key(struct release *r, const uint8_t id[16], const uint8_t *commitment,
		    const uint8_t key[32])
{
	return release_keys_put(r->keys, id, commitment, key);
}

/* ---- the set ---- */

int release_set_new(struct release_set **out, struct secret_pool *pool)
{
	struct release_set *s = calloc(1, sizeof(*s));

	*out = s;
	if (!s)
		return ERR_NOMEM;
	s->pool = pool;
	s->account = resolve;
	pthread_mutex_init(&s->lock, NULL);
	return 0;
}

void release_set_accounts(struct release_set *s,
			  bool (*account)(void *ctx, const char *name, uint32_t *uid), void *ctx)
{
	s->account = account;
	s->account_ctx = ctx;
}

void release_set_free(struct release_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		release_drop(s->list[i]);
	pthread_mutex_destroy(&s->lock);
	free(s->list);
	free(s);
}

/* True if a was admitted before b. */
static bool earlier(const struct release *a, const struct release *b)
{
	if (a->admitted_ms != b->admitted_ms)
		return a->admitted_ms < b->admitted_ms;
	return memcmp(a->terms.serial, b->terms.serial, 16) < 0;
}

int release_add(struct release_set *s, struct release *r)
{
	struct release **grown;
	size_t i;

	pthread_mutex_lock(&s->lock);
	grown = realloc(s->list, (s->n + 1) * sizeof(struct release *));
	if (grown) {
		s->list = grown;
		for (i = s->n; i > 0 && earlier(r, grown[i - 1]); i--)
			grown[i] = grown[i - 1];
		grown[i] = r;
		s->n++;
	}
	pthread_mutex_unlock(&s->lock);
	if (grown)
		return 0;
	release_drop(r);
	return ERR_NOMEM;
}

struct release *release_find(struct release_set *s, const uint8_t serial[16])
{
	struct release *found = NULL;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !found; i++) {
		if (memcmp(s->list[i]->terms.serial, serial, 16) == 0)
			found = s->list[i];
	}
	if (found)
		release_hold(found);
	pthread_mutex_unlock(&s->lock);
	return found;
}

void release_logged(struct release_set *s, const struct event *ev, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct release *r;

		if (ev[i].type != EVENT_OPENED && ev[i].type != EVENT_CLOSED)
			continue;
		r = release_find(s, ev[i].release);
		if (r)
			release_meter_logged(&r->meter, &ev[i]);
		release_drop(r);
	}
}

uint64_t release_known(const struct release_set *s)
{
	const uint64_t n = atomic_load(&s->known);

	return n ? n : 1;
}

void release_now_known(struct release_set *s, uint64_t lines)
{
	atomic_store(&s->known, lines);
}

/* A release in a list of our own, so that callbacks run without the lock. */
struct held {
	struct release *r;
	int ended; /* when it was put into the list: sorting must not see it change */
};

/* Those that `want` takes (all, if it is NULL), each held. */
static int snapshot(struct release_set *s, bool (*want)(const struct release *r, const void *ctx),
		    const void *ctx, struct held **list, size_t *n)
{
	struct held *held;

	*n = 0;
	pthread_mutex_lock(&s->lock);
	held = malloc((s->n + 1) * sizeof(*held));
	for (size_t i = 0; held && i < s->n; i++) {
		struct release *r = s->list[i];

		if (want && !want(r, ctx))
			continue;
		release_hold(r);
		held[(*n)++] = (struct held){r, release_ended(r)};
	}
	pthread_mutex_unlock(&s->lock);
	*list = held;
	return held ? 0 : ERR_NOMEM;
}

/* Call cb for each until it returns non-zero; let go of all. */
static int call_each(struct held *list, size_t n, int (*cb)(void *ctx, struct release *r),
		     void *ctx)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = cb(ctx, list[i].r);
		release_drop(list[i].r);
	}
	free(list);
	return rc;
}

struct cover {
	const uint8_t *item, *commitment, *accession;
};

static bool covers(const struct release *r, const void *ctx)
{
	const struct cover *c = ctx;

	return release_keys_has(r->keys, c->item, c->commitment) ||
	       release_keys_has(r->keys, c->accession, NULL);
}

static int best_first(const void *pa, const void *pb)
{
	const struct held *a = pa, *b = pb;
	int64_t end_a = a->r->terms.not_after_ms, end_b = b->r->terms.not_after_ms;

	if ((a->ended == 0) != (b->ended == 0))
		return a->ended == 0 ? -1 : 1;
	if (end_a != end_b)
		return end_a > end_b ? -1 : 1;
	return memcmp(a->r->terms.serial, b->r->terms.serial, 16);
}

int release_covering(struct release_set *s, const uint8_t item[16], const uint8_t commitment[32],
		     const uint8_t accession[16], int (*cb)(void *ctx, struct release *r),
		     void *ctx)
{
	struct cover c = {item, commitment, accession};
	struct held *list;
	size_t n;
	int rc = snapshot(s, covers, &c, &list, &n);

	if (rc)
		return rc;
	qsort(list, n, sizeof(*list), best_first);
	return call_each(list, n, cb, ctx);
}

int release_each(struct release_set *s, int (*cb)(void *ctx, struct release *r), void *ctx)
{
	struct held *list;
	size_t n;
	int rc = snapshot(s, NULL, NULL, &list, &n);

	return rc ? rc : call_each(list, n, cb, ctx);
}
