/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_queue: the bounded queue of jobs between who walks the sources and the workers that seal,
 * and these workers. For fs/ingest.
 *
 * Thread rule: one thread starts, adds and finishes.
 */
#ifndef CUSTODY_FS_INGEST_QUEUE_H
#define CUSTODY_FS_INGEST_QUEUE_H

#include <stdbool.h>

#include "fs/ingest_seal.h"

struct ingest_queue;

/* What is not taken in, for being known. */
struct ingest_queue_sum {
	uint64_t known, known_bytes;
	uint64_t elsewhere; /* taken in, although their content is known under other names */
};

/* terms is borrowed, but for its stop, which the queue sets. teller is told of what is not taken in;
 * with one, a file that can't be read ends nothing. workers 0: one a CPU. */
int ingest_queue_start(struct ingest_queue **out, const struct ingest_seal_terms *terms,
		       const struct ingest_teller *teller, unsigned workers, struct err *e);
/* Takes the job in every case. Waits while the queue is full. The first failure of a worker is
 * returned from then on. */
int ingest_queue_add(struct ingest_queue *q, struct ingest_job *job, struct err *e);
/* The same, and wait until the job is done: for one whose content only this thread's caller can give. */
int ingest_queue_run(struct ingest_queue *q, struct ingest_job *job, struct err *e);
bool ingest_queue_failed(struct ingest_queue *q); /* from any thread, as the next */
void ingest_queue_sum(struct ingest_queue *q, struct ingest_queue_sum *sum);
/* Do what is queued (or, stop, leave off as soon as may be), end the workers and free the queue.
 * The first failure of a worker. sum may be NULL. NULL is fine. */
int ingest_queue_finish(struct ingest_queue *q, bool stop, struct ingest_queue_sum *sum,
			struct err *e);

#endif
