/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ingest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/kdf.h"
#include "crypto/suite.h"
#include "fs/ingest_check.h"
#include "fs/ingest_commit.h"
#include "fs/ingest_queue.h"

/* In secret memory. */
struct accession_keys {
	uint8_t content[32], catalogue[32];
	struct frame_keys frame;
};

struct ingest {
	struct station *s;
	char *collection;
	const struct record *meta; /* borrowed */
	struct segment_header header;
	struct accession_keys *keys;
	struct event *accession; /* its event */
	struct known *known;	 /* NULL: the station has no index, nothing is marked */
	struct ingest_check *check;
	struct ingest_commit *commit;
	struct ingest_queue *queue;
};

/* ---- begin ---- */

int ingest_may(const struct station *s, const struct ingest_ask *ask, struct err *e)
{
	const struct archive_desc *d = &s->archive->desc;
	struct timespec now;

	if (!s->journal)
		return err_set(e, ERR_READONLY, "the archive is open for looking only");
	if (s->home->roles == 0)
		return err_set(e, ERR_NOT_ENROLLED,
			       "this node is not enrolled in the archive: import its enrolment");
	if (!(s->home->roles & ROSTER_INGEST))
		return err_set(e, ERR_ROLE, "this node is enrolled as %s, not for ingest",
			       roster_roles_text(s->home->roles));
	if (!record_name_ok(ask->collection, strlen(ask->collection)))
		return err_set(e, ERR_USAGE, "`%s` can't be the name of a collection",
			       ask->collection);
	if (!suite_available(d->suite))
		return err_set(e, ERR_UNSUPPORTED,
			       "this machine can't seal with %s, the suite of the archive",
			       suite_name(d->suite) ? suite_name(d->suite) : "an unknown suite");
	clock_gettime(CLOCK_REALTIME, &now);
	if (journal_clock(s->journal, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000) != 0)
		return err_set(e, ERR_CLOCK,
			       "the clock runs behind the journal's last event: set it right");
	return 0;
}

/* The epoch that was asked for, or the newest. */
static const struct archive_epoch *find_epoch(const struct archive_desc *d, uint32_t epoch)
{
	const struct archive_epoch *best = NULL;

	for (size_t i = 0; i < d->epochs; i++) {
		const struct archive_epoch *p = &d->epoch[i];

		if (epoch ? p->epoch == epoch : !best || p->epoch > best->epoch)
			best = p;
	}
	return best;
}

static int make_keys(struct ingest *g, struct err *e)
{
	g->keys = secret_take(g->s->pool, sizeof(*g->keys));
	if (!g->keys)
		return err_set(e, ERR_NOMEM, "no room for keys in locked memory");
	secret_random(g->keys->content, 32);
	secret_random(g->keys->catalogue, 32);
	frame_wrap_key(g->keys->frame.wrap, g->keys->content, g->s->archive->desc.id,
		       g->header.accession);
	kdf_label(g->keys->frame.record, g->keys->catalogue, "custodyfs/v1 record");
	return 0;
}

static int make_event(struct ingest *g, const struct ingest_ask *ask, struct err *e)
{
	struct event *ev = g->accession = calloc(1, sizeof(*ev));

	if (!ev)
		return err_set(e, ERR_NOMEM, "out of memory");
	ev->type = EVENT_ACCESSION;
	memcpy(ev->accession, g->header.accession, 16);
	ev->epoch = g->header.epoch;
	ev->uid = ask->uid;
	snprintf(ev->user, sizeof(ev->user), "%s", ask->user);
	snprintf(ev->host, sizeof(ev->host), "%s", ask->host);
	if (ask->origin)
		memcpy(ev->origin, ask->origin, 16);
	if (ask->export)
		memcpy(ev->export, ask->export, 16);
	return 0;
}

static void destroy(struct ingest *g)
{
	ingest_commit_free(g->commit);
	ingest_check_free(g->check);
	known_close(g->known);
	secret_give(g->s->pool, g->keys);
	free(g->accession);
	free(g->collection);
	free(g);
}

static struct ingest *new_ingest(struct station *s, const struct ingest_ask *ask, uint32_t epoch)
{
	const struct archive_desc *d = &s->archive->desc;
	struct ingest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->s = s;
	g->meta = ask->meta;
	g->collection = strdup(ask->collection);
	if (!g->collection) {
		free(g);
		return NULL;
	}
	g->header.suite = (uint16_t)d->suite;
	g->header.chunk_size = d->chunk_size;
	g->header.epoch = epoch;
	memcpy(g->header.archive, d->id, 16);
	secret_random(g->header.accession, 16);
	return g;
}

/* What looks at items before they are sealed, and after. */
static int make_judges(struct ingest *g, const struct ingest_ask *ask, struct err *e)
{
	const struct known_ask known = {
		.collection = g->collection,
		.policy = ask->known,
		.look = ask->read_back,
		.repeats = ask->teller.told != NULL,
	};
	int rc = 0;

	if (g->s->db)
		rc = known_open(&g->known, g->s, &known, e);
	if (rc == 0 && ask->read_back)
		rc = ingest_check_new(&g->check, g->s->pool, &g->header, &g->keys->frame, e);
	return rc;
}

static int start(struct ingest *g, const struct ingest_ask *ask, const struct archive_epoch *epoch,
		 struct err *e)
{
	const struct ingest_commit_ask commit = {
		.journal = g->s->journal,
		.segments_dir = g->s->archive->segments,
		.roll = SEGMENT_ROLL,
		.header = &g->header,
		.content_key = g->keys->content,
		.catalogue_key = g->keys->catalogue,
		.release_recipient = epoch->recipient,
		.catalogue_recipient = g->s->archive->desc.catalogue,
		.accession = g->accession,
		.check = g->check ? ingest_check_item : NULL,
		.check_ctx = g->check,
		.teller = ask->teller,
	};
	struct ingest_seal_terms seal = {
		.pool = g->s->pool,
		.header = &g->header,
		.keys = &g->keys->frame,
		.known = g->known,
	};
	int rc = ingest_commit_start(&g->commit, &commit, e);

	if (rc)
		return rc;
	seal.commit = g->commit;
	rc = ingest_queue_start(&g->queue, &seal, &ask->teller, ask->workers, e);
	if (rc)
		ingest_commit_finish(g->commit, true, NULL);
	return rc;
}

int ingest_begin(struct ingest **out, struct station *s, const struct ingest_ask *ask,
		 struct err *e)
{
	const struct archive_epoch *epoch;
	struct ingest *g;
	int rc = ingest_may(s, ask, e);

	*out = NULL;
	if (rc)
		return rc;
	epoch = find_epoch(&s->archive->desc, ask->epoch);
	if (!epoch)
		return err_set(e, ERR_USAGE, "the archive has no release epoch %u", ask->epoch);
	g = new_ingest(s, ask, epoch->epoch);
	if (!g)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = make_keys(g, e);
	if (rc == 0)
		rc = make_event(g, ask, e);
	if (rc == 0)
		rc = make_judges(g, ask, e);
	if (rc == 0)
		rc = start(g, ask, epoch, e);
	if (rc)
		destroy(g);
	else
		*out = g;
	return rc;
}

/* ---- add ---- */

static int set_fields(struct ingest *g, struct ingest_job *job)
{
	struct text_span there, v;
	int rc = record_set_text(job->record, "path", job->path);

	if (rc == 0)
		rc = record_set_text(job->record, "collection", g->collection);
	for (size_t i = 0; g->meta && rc == 0 && i < record_count(g->meta); i++) {
		const char *key;

		record_at(g->meta, i, &key, &v);
		if (!record_get(job->record, key, &there))
			rc = record_set(job->record, key, v.p, v.n);
	}
	return rc;
}

/* Fill in path and record, and queue the job; takes it in every case. */
static int enqueue(struct ingest *g, struct ingest_job *job, const char *path, struct err *e)
{
	int rc = 0;

	if (!record_path_ok(path, strlen(path)))
		rc = err_set(e, ERR_USAGE, "`%s` can't be the path of an item", path);
	else if (!(job->path = strdup(path)) || (!job->record && record_new(&job->record) != 0))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else if ((rc = set_fields(g, job)) != 0)
		rc = err_set(e, rc, "%s: its provenance can't be kept: %s", path, err_text(rc));
	if (rc) {
		ingest_seal_job_free(job);
		return rc;
	}
	return job->read ? ingest_queue_run(g->queue, job, e) : ingest_queue_add(g->queue, job, e);
}

static int check_file(const struct stat *st, const char *path, uint64_t expect_size, struct err *e)
{
	uint64_t size = (uint64_t)st->st_size;

	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_USAGE, "%s is not a regular file", path);
	if (size > CHUNK_PLAIN_MAX)
		return err_set(e, ERR_USAGE, "%s is too long: %llu bytes", path,
			       (unsigned long long)size);
	if (expect_size != UINT64_MAX && size != expect_size)
		return err_set(e, ERR_DAMAGED,
			       "%s is not what the manifest says: it has %llu bytes, not %llu",
			       path, (unsigned long long)size, (unsigned long long)expect_size);
	return 0;
}

/* Takes job->fd and job->record. */
static int add_file(struct ingest *g, struct ingest_job job, const char *path,
		    const uint8_t *expect_sha256, uint64_t expect_size, struct err *e)
{
	const int fd = job.fd;
	struct stat st;
	int rc = fstat(fd, &st) == 0 ? check_file(&st, path, expect_size, e) :
				       err_sys(e, "can't look at %s", path);

	if (rc) {
		ingest_seal_job_free(&job);
		return rc;
	}
	job.size = (uint64_t)st.st_size;
	job.mtime = st.st_mtim;
	job.has_sha256 = expect_sha256 != NULL;
	if (expect_sha256)
		memcpy(job.sha256, expect_sha256, 32);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return enqueue(g, &job, path, e);
}

int ingest_add_file(struct ingest *g, int fd, const char *path, struct record *record,
		    const uint8_t *expect_sha256, uint64_t expect_size, struct err *e)
{
	const struct ingest_job job = {.fd = fd, .record = record};

	return add_file(g, job, path, expect_sha256, expect_size, e);
}

int ingest_add_told(struct ingest *g, int fd, const char *path, struct record *record, uint64_t tag,
		    struct err *e)
{
	const struct ingest_job job = {.fd = fd, .record = record, .tag = tag};

	return add_file(g, job, path, NULL, UINT64_MAX, e);
}

int ingest_add_bytes(struct ingest *g, const void *p, size_t n, const char *path,
		     struct record *record, struct err *e)
{
	struct ingest_job job = {.fd = -1, .record = record, .size = n};

	job.mem = malloc(n ? n : 1);
	if (!job.mem) {
		job.size = 0;
		ingest_seal_job_free(&job);
		return err_set(e, ERR_NOMEM, "%s: out of memory", path);
	}
	if (n)
		memcpy(job.mem, p, n);
	return enqueue(g, &job, path, e);
}

int ingest_add_stream(struct ingest *g, ingest_read *read, void *ctx, uint64_t size,
		      const char *path, struct record *record, const uint8_t *expect_sha256,
		      struct err *e)
{
	struct ingest_job job = {.fd = -1, .record = record, .size = size};
	int rc = 0;

	job.has_sha256 = expect_sha256 != NULL;
	if (expect_sha256)
		memcpy(job.sha256, expect_sha256, 32);
	if (size > CHUNK_PLAIN_MAX) {
		rc = err_set(e, ERR_USAGE, "%s is too long: %llu bytes", path,
			     (unsigned long long)size);
	} else if (size > INGEST_WHOLE_MAX) {
		job.read = read;
		job.read_ctx = ctx;
	} else if (!(job.mem = malloc(size ? size : 1))) {
		rc = err_set(e, ERR_NOMEM, "%s: out of memory", path);
	} else {
		rc = read(ctx, job.mem, size, e);
	}
	if (rc) {
		ingest_seal_job_free(&job);
		return rc;
	}
	return enqueue(g, &job, path, e);
}

/* ---- end ---- */

static void add_up(const struct ingest *g, struct ingest_sum *sum, const struct ingest_queue_sum *q)
{
	struct ingest_commit_sum c;

	ingest_commit_sum(g->commit, &c);
	*sum = (struct ingest_sum){.items = c.items,
				   .bytes = c.bytes,
				   .stored = c.stored,
				   .known = q->known,
				   .known_bytes = q->known_bytes,
				   .elsewhere = q->elsewhere};
	memcpy(sum->accession, g->header.accession, 16);
}

bool ingest_failed(struct ingest *g)
{
	return ingest_queue_failed(g->queue) || ingest_commit_failed(g->commit);
}

void ingest_progress(struct ingest *g, struct ingest_sum *sum)
{
	struct ingest_queue_sum q;

	ingest_queue_sum(g->queue, &q);
	add_up(g, sum, &q);
}

static int journal_closed(struct ingest *g, const struct ingest_sum *sum, struct err *e)
{
	struct event *ev = calloc(1, sizeof(*ev));
	int rc;

	if (!ev)
		return err_set(e, ERR_NOMEM, "out of memory");
	ev->type = EVENT_ACCESSION_CLOSED;
	memcpy(ev->accession, g->header.accession, 16);
	ev->items = sum->items;
	ev->bytes = sum->bytes;
	rc = journal_append(g->s->journal, ev, 1, e);
	free(ev);
	return rc;
}

int ingest_end(struct ingest *g, bool abort, struct ingest_sum *sum, struct err *e)
{
	struct ingest_queue_sum known;
	struct ingest_sum done;
	struct err second = {0};
	int rc, commit, sign;

	/* What a worker says comes first: the committer's trouble would be its words too. */
	rc = ingest_queue_finish(g->queue, abort, &known, e);
	commit = ingest_commit_finish(g->commit, abort || rc, &second);
	if (rc == 0 && commit)
		rc = err_set(e, commit, "%s", second.text);
	add_up(g, &done, &known);
	if (rc == 0 && !abort && done.items)
		rc = journal_closed(g, &done, e);
	/* Also after a failure: what was committed is evidence and is to be seen. */
	sign = journal_checkpoint(g->s->journal, &second);
	if (rc == 0 && sign)
		rc = err_set(e, sign, "%s", second.text);
	if (sum)
		*sum = done;
	destroy(g);
	return rc;
}
