// SPDX-License-Identifier: Apache-2.0
/*
 * What happens without being asked: new accessions and authorisations appear, releases end in time,
 * waiting events are written, the checkpoint is signed.
 */
#include "fs/front_internal.h"

#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "fs/catchup.h"
#include "index/journal.h"
#include "index/ledger.h"

#define SLICE 20000u	    /* events a catch-up applies before others get a turn */
#define CHECKPOINT_TICKS 10 /* a second */
/* This node's own lines are mostly the mount's. Each batch that goes into the index is synced, and at
 * ten a second readers of small files got a fifth less. Whoever asks the gate in vain, or for
 * a name that is not there, looks at all journals at once; what others add is seen in a tick. */
#define OWN_LINES_TICKS 10
#define FIRST_LOAD_TICKS 5
#define MAPPED_MAX \
	(UINT64_C(24) << 20) /* bytes of files that stay resident; a tick may add as many */
#define READAHEAD_KIB 512u /* four requests (front_ops.c); 1024 and more gained nothing with them */

static int64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t front_now(const struct front *f)
{
	int64_t real = clock_ms(CLOCK_REALTIME);
	int64_t ran = f->base_real_ms + clock_ms(CLOCK_BOOTTIME) - f->base_boot_ms;

	/* A clock set back does not lengthen a release. */
	return real > ran ? real : ran;
}

void front_end_release(struct front *f, struct release *r, int why)
{
	struct event ev = {.type = EVENT_RELEASE_ENDED};

	if (!release_end(r, why))
		return;
	memcpy(ev.release, release_terms(r)->serial, 16);
	front_nodes_retire(f, ev.release);
	strncpy(ev.reason, err_word(why), sizeof(ev.reason) - 1);
	front_pages_drop(f, ev.release);
	front_buffer_wipe_all(f);
	front_log_late(f, &ev);
}

static int drop_if_ended(void *ctx, struct release *r)
{
	struct front *f = ctx;

	if (release_ended(r) < 0) {
		front_nodes_retire(f, release_terms(r)->serial);
		front_pages_drop(f, release_terms(r)->serial);
		front_buffer_wipe_all(f);
	}
	return 0;
}

static void reload(struct front *f)
{
	const struct roster_node *self;
	struct err e = {0};
	unsigned bad = 0;
	int rc = release_reload(f->releases, f->st, &bad, &e);

	if (rc < 0)
		front_say(f, MESSAGE_RELEASES, "releases can't be loaded: %s", e.text);
	else if (bad)
		front_say(f, MESSAGE_RELEASES, "%u authorisations were passed over: %s", bad,
			  e.text);
	self = roster_find(f->st->roster, node_identity(f->st->node)->pub.id);
	if (!self || self->revoked)
		atomic_store(&f->enrolled_until, 0);
	else
		atomic_store(&f->enrolled_until,
			     self->not_after_ms ? self->not_after_ms : INT64_MAX);
	/* Those a revocation ended in the meantime. */
	release_each(f->releases, drop_if_ended, f);
	atomic_store(&f->loaded, true);
}

void front_totals(struct front *f)
{
	struct object_totals t = {0};
	struct db_txn *txn = NULL;

	if (db_begin(&txn, f->st->db, false, NULL) < 0)
		return;
	if (object_totals(txn, &t, NULL) == 0) {
		if (t.items != atomic_load(&f->items))
			atomic_fetch_add(&f->generation, 1);
		atomic_store(&f->items, t.items);
		atomic_store(&f->stored, t.stored);
	}
	db_abort(txn);
}

static void catch_up(struct front *f)
{
	struct catchup_result r;
	struct err e;

	do {
		memset(&r, 0, sizeof(r));
		memset(&e, 0, sizeof(e));
		if (catchup_run(f->st, SLICE, &r, NULL, NULL, &e) < 0)
			front_say(f, MESSAGE_LOGS, "%s", e.text);
		front_totals(f);
		if (r.views)
			atomic_fetch_add(&f->generation, 1);
	} while (r.more && !atomic_load(&f->ending));
	if (r.pending)
		front_say(f, MESSAGE_PENDING, "%llu items can't be read and are not shown",
			  (unsigned long long)r.pending);
	if (!r.more)
		atomic_store(&f->caught_up, true);
}

void front_refresh(struct front *f, bool force)
{
	pthread_mutex_lock(&f->refresh_lock);
	if (force || catchup_needed(f->st, false)) {
		catch_up(f);
		reload(f);
	}
	pthread_mutex_unlock(&f->refresh_lock);
}

/* The watcher's, at tick n. Releases are loaded for the first time when somebody asks the gate, or
 * when those who list a fresh mount have had their turn: an authorisation may name very many items. */
static void refresh(struct front *f, unsigned n)
{
	bool force = !atomic_load(&f->caught_up), due = n >= FIRST_LOAD_TICKS;

	pthread_mutex_lock(&f->refresh_lock);
	due = due && !atomic_load(&f->loaded);
	if (force || due || catchup_needed(f->st, n % OWN_LINES_TICKS != 0)) {
		catch_up(f);
		if (due || atomic_load(&f->loaded))
			reload(f);
	}
	pthread_mutex_unlock(&f->refresh_lock);
}

static int end_if_due(void *ctx, struct release *r)
{
	struct front *f = ctx;
	int64_t now = front_now(f);

	if (release_ended(r) == 0 &&
	    (now > release_terms(r)->not_after_ms || now > atomic_load(&f->enrolled_until)))
		front_end_release(f, r, ERR_EXPIRED);
	return 0;
}

/* A thread of its own: the watcher may have to wait for a disk, or for whoever holds the journal's
 * lock, and time goes on. */
void *front_timer_thread(void *front)
{
	struct front *f = front;
	const struct timespec tick = {.tv_nsec = FRONT_TICK_MS * 1000000L};

	while (!atomic_load(&f->ending)) {
		release_each(f->releases, end_if_due, f);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, NULL);
	}
	return NULL;
}

/* A walk through an archive of millions looks at all of its index. */
static void trim(struct front *f)
{
	struct db_txn *t = NULL;

	if (db_begin(&t, f->st->db, false, NULL) == 0)
		db_trim(t, MAPPED_MAX);
	db_abort(t);
}

static void checkpoint(struct front *f)
{
	struct err e = {0};

	if (atomic_exchange(&f->dirty, false) && journal_checkpoint(f->st->journal, &e) < 0)
		front_say(f, MESSAGE_CHECKPOINT, "the checkpoint can't be signed: %s", e.text);
}

/*
 * The mount is ready when it answers. Only then is readahead raised: the kernel lowers it when it
 * takes our answer to INIT.
 */
static void announce(struct front *f)
{
	struct statvfs sv;

	if (statvfs(f->opt->mountpoint, &sv) < 0)
		return;
	porter_readahead(f->opt->porter, READAHEAD_KIB);
	if (f->opt->ready)
		f->opt->ready(f->opt->ctx);
}

void front_end(struct front *f)
{
	atomic_store(&f->ending, true);
	if (!atomic_exchange(&f->told_ending, true) && f->opt->ending)
		f->opt->ending(f->opt->ctx);
}

/*
 * Unmount when nobody has asked for that long. Whether something is open is for the kernel to say, which
 * knows of working directories and of descriptors that we are never told of: then the time begins anew.
 */
static void idle(struct front *f, int64_t *since_ms)
{
	int64_t now = clock_ms(CLOCK_MONOTONIC);
	int rc;

	if (f->opt->idle_s == 0)
		return;
	if (atomic_exchange_explicit(&f->asked, false, memory_order_relaxed))
		*since_ms = now;
	if (now - *since_ms < (int64_t)f->opt->idle_s * 1000)
		return;
	*since_ms = now;
	rc = porter_unmount_unused(f->opt->porter);
	if (rc == 0)
		front_say(f, MESSAGE_IDLE, "unmounted: nobody asked for anything in %u s",
			  f->opt->idle_s);
	else if (rc != ERR_BUSY)
		front_say(f, MESSAGE_IDLE, "idle, and can't be unmounted");
}

void *front_watch_thread(void *front)
{
	struct front *f = front;
	const struct timespec tick = {.tv_nsec = FRONT_TICK_MS * 1000000L};
	int64_t asked_ms = clock_ms(CLOCK_MONOTONIC);

	announce(f);
	for (unsigned n = 0; !atomic_load(&f->ending); n++) {
		refresh(f, n);
		front_log_flush(f, false);
		trim(f);
		idle(f, &asked_ms);
		if (n % CHECKPOINT_TICKS == 0)
			checkpoint(f);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, NULL);
	}
	return NULL;
}
