/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/catchup.h"
#include "fs/exif.h"
#include "fs/intake_record.h"
#include "fs/watch_fates.h"

#define TURN_MS 400
#define ON_ITS_WAY_MS 10000
#define WAIT_MIN_MS 1000u
#define WAIT_MAX_MS 60000u
/* Given out at once: each has a descriptor until a worker takes it. */
#define OUT_MAX 4096u

struct watch {
	const struct watch_ask *ask;
	struct watch_sum *sum;
	struct spool *spool;
	struct station *station; /* NULL: closed after a failure */
	struct watch_fates *fates;
	struct ingest *g; /* NULL: no accession is open */
	int64_t begun_ms; /* of the accession */
	uint64_t out;	  /* files given to it, whose fate is not known yet */
	uint64_t bytes;	  /* given to it */
	uint64_t items;
	uint64_t wait_ms; /* after the next failure */
	int64_t retry_ms; /* nothing is tried before */
	bool ready, stopping;
};

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void count_waiting(struct watch *w)
{
	w->sum->settling = spool_settling(w->spool);
	w->sum->ready = spool_ready(w->spool);
	w->sum->failing = spool_wrong(w->spool);
}

static void turn(struct watch *w)
{
	count_waiting(w);
	w->sum->now = (struct ingest_sum){0};
	if (w->g)
		ingest_progress(w->g, &w->sum->now);
	if (w->ask->turn(w->ask->ctx, w->sum))
		w->stopping = true;
}

/* Does it help to wait? */
static bool passes(int rc)
{
	switch (rc) {
	case ERR_SYSTEM:
	case ERR_NOMEM:
	case ERR_INDEX:
	case ERR_BUSY:
	case ERR_CLOCK:
	case ERR_DAMAGED:
	case ERR_NOTFOUND:
	case ERR_READONLY:
		return true;
	default:
		return false;
	}
}

/* ---- the fates of files ---- */

static void remove_source(struct watch *w, struct spool_entry *entry, const char *path)
{
	struct err e = {0};
	char *name = strdup(path); /* it may go with the entry */
	bool gone;

	if (spool_remove(w->spool, entry, clock_ms(), &gone, &e)) {
		w->sum->wrong++;
		w->ask->named(w->ask->ctx, name ? name : "", &e);
	} else {
		w->sum->removed += gone;
	}
	free(name);
}

static void settle(struct watch *w, const struct watch_fate *f)
{
	struct spool_entry *entry = f->entry;

	w->out--;
	switch (f->fate) {
	case INGEST_SEALED:
	case INGEST_KNOWN:
		if (w->ask->move)
			remove_source(w, entry, f->path);
		else
			spool_give_back(w->spool, entry, SPOOL_DONE, clock_ms());
		return;
	case INGEST_ON_ITS_WAY:
		/* It is known once the accession is ended. */
		spool_give_back(w->spool, entry, SPOOL_AGAIN,
				clock_ms() + (w->ask->once ? 0 : ON_ITS_WAY_MS));
		return;
	case INGEST_FAILED:
		w->sum->wrong++;
		w->ask->named(w->ask->ctx, f->path, &f->why);
		spool_give_back(w->spool, entry, SPOOL_WRONG, clock_ms());
		return;
	}
}

static void settle_all(struct watch *w)
{
	struct watch_fate *f;

	while ((f = watch_fates_next(w->fates))) {
		settle(w, f);
		watch_fates_free(f);
	}
}

/* What the ingest never came to: its failure is not the files'. */
static void take_back(struct watch *w)
{
	struct watch_fate *f;

	while ((f = watch_fates_abandon(w->fates))) {
		spool_give_back(w->spool, f->entry, SPOOL_AGAIN, clock_ms());
		watch_fates_free(f);
	}
	w->out = 0;
}

/* ---- accessions ---- */

static void add_up(struct watch *w, const struct ingest_sum *one)
{
	struct ingest_sum *all = &w->sum->all;

	memcpy(all->accession, one->accession, sizeof(all->accession));
	all->items += one->items;
	all->bytes += one->bytes;
	all->stored += one->stored;
	all->known += one->known;
	all->known_bytes += one->known_bytes;
	all->elsewhere += one->elsewhere;
	w->sum->accessions += one->items > 0;
}

/* Wait for what is out, so that the caller's turns go on; not for ever, where all has failed. */
static void wait_for_fates(struct watch *w)
{
	struct pollfd p = {.fd = watch_fates_fd(w->fates), .events = POLLIN};

	while (w->out > 0 && !ingest_failed(w->g)) {
		(void)poll(&p, 1, TURN_MS);
		settle_all(w);
		turn(w);
	}
}

static int end_accession(struct watch *w, bool failed, struct err *e)
{
	struct catchup_result caught;
	struct ingest_sum one = {0};
	int rc;

	if (!failed)
		wait_for_fates(w);
	rc = ingest_end(w->g, failed, &one, e);
	w->g = NULL;
	settle_all(w);
	take_back(w);
	add_up(w, &one);
	if (one.items || one.known)
		w->ask->ended(w->ask->ctx, &one, w->sum);
	/* What it took in is to be known to the next one. */
	return rc ? rc : catchup_run(w->station, 0, &caught, NULL, NULL, e);
}

static int begin_accession(struct watch *w, struct err *e)
{
	struct ingest_ask ask = w->ask->ingest;
	int rc = station_standing(w->station, e);

	ask.read_back = ask.read_back || w->ask->move;
	ask.teller = watch_fates_teller(w->fates);
	if (rc == 0)
		rc = ingest_begin(&w->g, w->station, &ask, e);
	w->begun_ms = clock_ms();
	w->bytes = w->items = 0;
	return rc;
}

/* ERR_USAGE, ERR_LACKING: this file can't be taken; all else ends the accession. Takes f->fd. */
static int give(struct watch *w, struct spool_file *f, struct err *e)
{
	const struct ingest_ask *ask = &w->ask->ingest;
	const struct source_member member = {
		.path = f->path,
		.fd = f->fd,
		.size = (uint64_t)f->st.st_size,
		.has_mode = true,
		.has_mtime = true,
		.mode = f->st.st_mode & 07777,
		.mtime = f->st.st_mtim,
	};
	uint8_t *start = malloc(EXIF_START);
	ssize_t begun = start ? pread(f->fd, start, EXIF_START, 0) : -1;
	const struct intake_record_ask known = {
		.path = f->path,
		.start = start,
		.start_n = begun > 0 ? (size_t)begun : 0,
		.host = ask->host,
		.user = ask->user,
		.name = w->ask->spool.dir,
		.member = &member,
		.meta = ask->meta,
		.zone = w->ask->zone,
	};
	struct watch_fate *fate = watch_fates_new(w->fates, f->entry, f->path);
	struct record *r = NULL;
	int rc = fate && start ? intake_record_make(&r, &known, e) :
				 err_set(e, ERR_NOMEM, "out of memory");

	free(start);
	if (rc == 0)
		rc = intake_record_require(&w->station->archive->desc, f->path, r, e);
	if (rc) {
		record_free(r);
		close(f->fd);
		watch_fates_drop(w->fates, fate);
		return rc;
	}
	w->out++;
	rc = ingest_add_told(w->g, f->fd, f->path, r, watch_fates_tag(fate), e);
	if (rc) {
		w->out--;
		watch_fates_drop(w->fates, fate);
		return rc;
	}
	w->items++;
	w->bytes += (uint64_t)f->st.st_size;
	return 0;
}

static bool full(const struct watch *w)
{
	const struct watch_ask *ask = w->ask;

	return w->items >= ask->most_items || w->bytes >= ask->most_bytes ||
	       clock_ms() - w->begun_ms >= (int64_t)ask->most_ms;
}

/* Give the accession what is complete, as long as there is some and it may be. */
static int feed(struct watch *w, struct err *e)
{
	int64_t told = clock_ms();
	struct spool_file f;
	int rc = 0;

	while (rc == 0 && !w->stopping && !full(w) && w->out < OUT_MAX &&
	       spool_next(w->spool, clock_ms(), &f)) {
		struct err why = {0};

		rc = give(w, &f, &why);
		if (rc == ERR_USAGE || rc == ERR_LACKING) {
			w->sum->wrong++;
			w->ask->named(w->ask->ctx, f.path, &why);
			spool_give_back(w->spool, f.entry, SPOOL_WRONG, clock_ms());
			rc = 0;
		} else if (rc) {
			spool_give_back(w->spool, f.entry, SPOOL_AGAIN, clock_ms());
			*e = why;
		}
		settle_all(w);
		if (clock_ms() - told >= TURN_MS) {
			turn(w);
			told = clock_ms();
		}
	}
	return rc;
}

/* Nothing is being taken in, and nothing can be now. */
static bool nothing_left(const struct watch *w)
{
	return w->out == 0 && spool_ready(w->spool) == 0;
}

/* ---- one time round ---- */

static int open_station(struct watch *w, struct err *e)
{
	int rc = w->station ? 0 : w->ask->open(w->ask->ctx, &w->station, e);

	if (rc == 0 && !w->ready)
		rc = ingest_may(w->station, &w->ask->ingest, e);
	if (rc == 0 && !w->ready) {
		w->ready = true;
		w->ask->ready(w->ask->ctx, w->spool);
	}
	return rc;
}

static int step(struct watch *w, struct err *e)
{
	int rc = open_station(w, e);

	if (rc == 0)
		rc = spool_look(w->spool, clock_ms(), e);
	if (rc == 0 && !w->g && spool_ready(w->spool) && !w->stopping)
		rc = begin_accession(w, e);
	if (rc == 0 && w->g)
		rc = feed(w, e);
	settle_all(w);
	if (rc == 0 && w->g && ingest_failed(w->g))
		rc = ERR_SYSTEM; /* ingest_end() says why */
	if (w->g && (rc || full(w) || w->stopping || (w->ask->once && nothing_left(w)))) {
		struct err late = {0};
		int end = end_accession(w, rc != 0, &late);

		/* The first failure of the ingest is the reason of ours. */
		if (end) {
			rc = end;
			*e = late;
		}
	}
	return rc;
}

/* After a failure: the archive is opened anew, for a journal that could not be made durable is not
 * written to again by who has it open. */
static void back_off(struct watch *w, const struct err *e)
{
	if (w->station)
		w->ask->close(w->ask->ctx, w->station, NULL);
	w->station = NULL;
	w->wait_ms = w->wait_ms ? 2 * w->wait_ms : WAIT_MIN_MS;
	if (w->wait_ms > WAIT_MAX_MS)
		w->wait_ms = WAIT_MAX_MS;
	w->retry_ms = clock_ms() + (int64_t)w->wait_ms;
	count_waiting(w);
	w->ask->trouble(w->ask->ctx, e, w->wait_ms, w->sum);
}

static bool idle(const struct watch *w)
{
	return w->ask->once && !w->retry_ms && nothing_left(w) && spool_settling(w->spool) == 0;
}

/* Until there is something to do, but for no longer than a turn. */
static void rest(struct watch *w)
{
	struct pollfd p[2] = {{.fd = watch_fates_fd(w->fates), .events = POLLIN},
			      {.fd = spool_fd(w->spool), .events = POLLIN}};
	int64_t until = spool_due(w->spool) - clock_ms();

	if (w->g && spool_ready(w->spool) && !full(w) && w->out < OUT_MAX)
		return;
	if (until > TURN_MS || w->retry_ms)
		until = TURN_MS;
	/* What the folder says is heard when it is looked at: not before that is due. */
	if (until > 0)
		(void)poll(p, until == TURN_MS && !w->retry_ms ? 2 : 1, (int)until);
}

static int run(struct watch *w, struct err *e)
{
	int rc = 0;

	while (rc == 0 && !w->stopping) {
		struct err why = {0};

		turn(w);
		if (w->retry_ms && clock_ms() < w->retry_ms) {
			rest(w);
			continue;
		}
		rc = step(w, &why);
		if (rc == 0) {
			w->wait_ms = 0;
			w->retry_ms = 0;
		} else if (passes(rc) && w->ready) {
			back_off(w, &why);
			rc = 0;
		} else {
			*e = why;
		}
		if (rc == 0 && idle(w))
			w->stopping = true;
		if (rc == 0 && !w->stopping)
			rest(w);
	}
	return rc;
}

int watch_run(const struct watch_ask *ask, struct watch_sum *sum, struct err *e)
{
	struct watch w = {.ask = ask, .sum = sum};
	struct err late = {0};
	int rc, end = 0;

	memset(sum, 0, sizeof(*sum));
	rc = spool_open(&w.spool, &ask->spool, e);
	if (rc == 0)
		rc = watch_fates_open(&w.fates, e);
	if (rc == 0)
		rc = run(&w, e);
	if (w.g)
		end = end_accession(&w, rc != 0, rc ? &late : e);
	if (rc == 0)
		rc = end;
	if (w.spool)
		count_waiting(&w);
	if (w.station) {
		end = ask->close(ask->ctx, w.station, rc ? &late : e);
		rc = rc ? rc : end;
	}
	watch_fates_close(w.fates);
	spool_close(w.spool);
	return rc;
}
