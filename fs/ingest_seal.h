/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_seal: one file becomes one frame: read once, hashed, sealed, written to its place in a
 * segment. For fs/ingest.
 *
 * Thread rule: a sealer belongs to one thread.
 */
#ifndef CUSTODY_FS_INGEST_SEAL_H
#define CUSTODY_FS_INGEST_SEAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "crypto/secret.h"
#include "fs/frame.h"
#include "fs/ingest_commit.h"
#include "fs/known.h"
#include "index/record.h"

/* The next n bytes of a content that is read in order, all of them. */
typedef int ingest_read(void *ctx, void *buf, size_t n, struct err *e);

enum ingest_job_state { INGEST_JOB_WAITS, INGEST_JOB_RUNS, INGEST_JOB_DONE };

/* Something to be sealed. All of it is owned by the job, but for what read works on. */
struct ingest_job {
	int fd;		   /* -1: the content is in mem, or comes from read */
	uint8_t *mem;	   /* wiped when the job is freed */
	ingest_read *read; /* may be NULL; content too long for mem */
	void *read_ctx;
	enum ingest_job_state *state; /* the queue's; NULL: nobody waits for this job */
	uint64_t size;
	struct timespec mtime; /* of fd, to see whether it changes */
	char *path;	       /* for messages */
	struct record *record; /* complete */
	bool has_sha256;
	uint8_t sha256[32]; /* what the content must have */
	uint64_t tag;	    /* for the teller */
};
/* A content up to so long is sealed in one piece; a longer one in steps, and its frame is read back
 * from the page cache to be hashed, because the head, which comes first, is known last. */
#define INGEST_WHOLE_MAX ((size_t)4 << 20)
void ingest_seal_job_free(struct ingest_job *job);

/* What all items of an accession have in common; borrowed. */
struct ingest_seal_terms {
	struct secret_pool *pool;
	struct ingest_commit *commit;
	const struct segment_header *header; /* archive, accession, suite, chunk size */
	const struct frame_keys *keys;
	const atomic_bool *stop; /* when true: leave off, with ERR_SYSTEM */
	struct known *known;	 /* NULL: all is taken in, and none is marked */
};

struct ingest_seal;
int ingest_seal_new(struct ingest_seal **out, const struct ingest_seal_terms *terms, struct err *e);
void ingest_seal_free(struct ingest_seal *s); /* wipes; NULL is fine */
/* What a run came to. */
struct ingest_seal_end {
	enum known_is is; /* NEW, ELSEWHERE: pushed to be committed; else it was not taken in */
	bool of_file;	  /* what failed is the file's fault, and others may go on */
};
/* Seal the job and push it to be committed, unless its content is known. ERR_DAMAGED: not the digest
 * that was expected; ERR_SYSTEM: the file changed while it was read, or the system failed. Errors
 * name the path. */
int ingest_seal_run(struct ingest_seal *s, const struct ingest_job *job,
		    struct ingest_seal_end *end, struct err *e);

#endif
