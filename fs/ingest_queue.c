/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ingest_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define JOBS 64u			  /* waiting for a worker */
#define MEMORY_BYTES ((uint64_t)64 << 20) /* of content in memory among them */
#define WORKERS_MAX 64u

struct worker {
	struct ingest_queue *q;
	pthread_t thread;
	struct ingest_seal *seal;
};

struct ingest_queue {
	pthread_mutex_t lock; /* guards these: */
	pthread_cond_t more, room;
	struct ingest_job job[JOBS];
	size_t first, count;
	uint64_t bytes; /* of content in memory that waits */
	bool closing;
	struct err failed; /* code 0: nothing did */
	struct ingest_queue_sum sum;

	struct ingest_teller teller;
	atomic_bool stop;
	struct worker *worker;
	unsigned workers; /* started */
};

/* Next job; false when there is none any more. Called with the lock held. */
static bool next_job(struct ingest_queue *q, struct ingest_job *job)
{
	while (q->count == 0 && !q->closing && !atomic_load(&q->stop))
		pthread_cond_wait(&q->more, &q->lock);
	if (q->count == 0 || atomic_load(&q->stop))
		return false;
	*job = q->job[q->first];
	if (job->state)
		*job->state = INGEST_JOB_RUNS;
	q->first = (q->first + 1) % JOBS;
	q->count--;
	if (job->mem)
		q->bytes -= job->size;
	pthread_cond_signal(&q->room);
	return true;
}

/* What became of a job that is not to be committed. True if it ends the ingest. */
static bool settle(struct ingest_queue *q, const struct ingest_job *job,
		   const struct ingest_seal_end *end, int rc, const struct err *e)
{
	const struct ingest_teller *t = &q->teller;

	if (rc && (!t->told || !end->of_file))
		return true;
	if (t->told && rc)
		t->told(t->ctx, job->tag, INGEST_FAILED, e);
	else if (t->told && end->is == KNOWN_THERE)
		t->told(t->ctx, job->tag, INGEST_KNOWN, NULL);
	else if (t->told && end->is == KNOWN_ON_ITS_WAY)
		t->told(t->ctx, job->tag, INGEST_ON_ITS_WAY, NULL);
	return false;
}

static void count(struct ingest_queue *q, uint64_t size, enum known_is is)
{
	if (is == KNOWN_ELSEWHERE)
		q->sum.elsewhere++;
	if (is != KNOWN_THERE && is != KNOWN_ON_ITS_WAY)
		return;
	q->sum.known++;
	q->sum.known_bytes += size;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct ingest_queue *q = w->q;
	struct ingest_job job;

	pthread_mutex_lock(&q->lock);
	while (next_job(q, &job)) {
		enum ingest_job_state *state = job.state;
		struct ingest_seal_end end;
		struct err e = {0};
		uint64_t size = job.size;
		bool ends;
		int rc;

		pthread_mutex_unlock(&q->lock);
		rc = ingest_seal_run(w->seal, &job, &end, &e);
		ends = settle(q, &job, &end, rc, &e);
		ingest_seal_job_free(&job);
		pthread_mutex_lock(&q->lock);
		if (state) {
			*state = INGEST_JOB_DONE;
			pthread_cond_broadcast(&q->room);
		}
		if (rc == 0)
			count(q, size, end.is);
		/* Once stopped, what others say is only that they were. */
		if (ends && !atomic_exchange(&q->stop, true)) {
			q->failed = e;
			pthread_cond_broadcast(&q->more);
			pthread_cond_broadcast(&q->room);
		}
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

static int start_worker(struct ingest_queue *q, const struct ingest_seal_terms *terms,
			struct err *e)
{
	struct worker *w = &q->worker[q->workers];
	int rc = ingest_seal_new(&w->seal, terms, e);

	if (rc)
		return rc;
	w->q = q;
	errno = pthread_create(&w->thread, NULL, work, w);
	if (errno != 0) {
		rc = err_sys(e, "can't start a thread");
		ingest_seal_free(w->seal);
		return rc;
	}
	q->workers++;
	return 0;
}

int ingest_queue_start(struct ingest_queue **out, const struct ingest_seal_terms *terms,
		       const struct ingest_teller *teller, unsigned workers, struct err *e)
{
	struct ingest_queue *q = calloc(1, sizeof(*q));
	struct ingest_seal_terms t = *terms;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int rc = 0;

	*out = NULL;
	if (!q)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->more, NULL);
	pthread_cond_init(&q->room, NULL);
	if (workers == 0)
		workers = cpus > 0 ? (unsigned)cpus : 1;
	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	t.stop = &q->stop;
	q->teller = *teller;
	q->worker = calloc(workers, sizeof(*q->worker));
	if (!q->worker)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	while (q->worker && q->workers < workers && rc == 0)
		rc = start_worker(q, &t, e);
	if (rc)
		ingest_queue_finish(q, true, NULL, NULL);
	else
		*out = q;
	return rc;
}

/* True while the job has to wait. Content in memory is bounded by bytes too, unless it is alone. */
static bool full(const struct ingest_queue *q, const struct ingest_job *job)
{
	if (q->count == JOBS)
		return true;
	return job->mem && q->bytes > 0 && q->bytes + job->size > MEMORY_BYTES;
}

int ingest_queue_add(struct ingest_queue *q, struct ingest_job *job, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->failed.code && full(q, job))
		pthread_cond_wait(&q->room, &q->lock);
	if (q->failed.code) {
		rc = err_set(e, q->failed.code, "%s", q->failed.text);
		ingest_seal_job_free(job);
	} else {
		q->job[(q->first + q->count++) % JOBS] = *job;
		if (job->mem)
			q->bytes += job->size;
		pthread_cond_signal(&q->more);
	}
	pthread_mutex_unlock(&q->lock);
	return rc;
}

int ingest_queue_run(struct ingest_queue *q, struct ingest_job *job, struct err *e)
{
	enum ingest_job_state state = INGEST_JOB_WAITS;
	int rc;

	/* cppcheck-suppress autoVariables; nobody looks at it once this returns */
	job->state = &state;
	rc = ingest_queue_add(q, job, e);
	if (rc)
		return rc;
	pthread_mutex_lock(&q->lock);
	/* After a failure nobody begins it any more, but who has begun still reads. */
	while (state != INGEST_JOB_DONE && !(state == INGEST_JOB_WAITS && q->failed.code))
		pthread_cond_wait(&q->room, &q->lock);
	if (q->failed.code)
		rc = err_set(e, q->failed.code, "%s", q->failed.text);
	pthread_mutex_unlock(&q->lock);
	return rc;
}

bool ingest_queue_failed(struct ingest_queue *q)
{
	bool failed;

	pthread_mutex_lock(&q->lock);
	failed = q->failed.code != 0;
	pthread_mutex_unlock(&q->lock);
	return failed;
}

void ingest_queue_sum(struct ingest_queue *q, struct ingest_queue_sum *sum)
{
	pthread_mutex_lock(&q->lock);
	*sum = q->sum;
	pthread_mutex_unlock(&q->lock);
}

int ingest_queue_finish(struct ingest_queue *q, bool stop, struct ingest_queue_sum *sum,
			struct err *e)
{
	int rc;

	if (!q)
		return 0;
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	if (stop)
		atomic_store(&q->stop, true);
	pthread_cond_broadcast(&q->more);
	pthread_mutex_unlock(&q->lock);
	for (unsigned i = 0; i < q->workers; i++) {
		pthread_join(q->worker[i].thread, NULL);
		ingest_seal_free(q->worker[i].seal);
	}
	for (; q->count > 0; q->count--, q->first = (q->first + 1) % JOBS)
		ingest_seal_job_free(&q->job[q->first]);
	rc = q->failed.code ? err_set(e, q->failed.code, "%s", q->failed.text) : 0;
	if (sum)
		*sum = q->sum;
	pthread_cond_destroy(&q->more);
	pthread_cond_destroy(&q->room);
	pthread_mutex_destroy(&q->lock);
	free(q->worker);
	free(q);
	return rc;
}
