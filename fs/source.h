/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: what is taken in, behind one interface: a folder, a single file, a tar (plain or
 * compressed), a zip, a BagIt bag, standard input. A source is opened, its members are asked for
 * one by one, and it is closed; all of that may be done again, and gives the same, or an error.
 *
 * Links are never followed, archives are never unpacked to a disk, and reading leaves the source as
 * it is: access times too, where the system lets us.
 *
 * The first pass of an archive or a bag is its examination: whatever makes it unfit as a whole is
 * an error of that pass (at the latest of its last source_next()), whether or not members are read.
 * So who has come to the end of a first pass may begin to commit.
 *
 * Thread rule: for one thread at a time.
 */
#ifndef CUSTODY_FS_SOURCE_H
#define CUSTODY_FS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/err.h"
#include "index/record.h"

#define SOURCE_DEPTH_MAX \
	256		/* folders within folders; each holds a descriptor while it is walked */
#define SOURCE_START 16 /* first bytes of a member, for who guesses at its type */

enum source_format {
	SOURCE_AUTO, /* a folder as such; a file by its name: an archive's suffix makes it one; either
		      * is a bag too, and is verified as one, if it has a bag's bagit.txt */
	SOURCE_FOLDER, /* whatever is in it, as the three below */
	SOURCE_FILE,
	SOURCE_TAR,
	SOURCE_ZIP,
	SOURCE_BAG, /* a folder, or an archive by its name: refused if it is no bag */
};

/* Asked before a folder is entered ("" is the source itself). NULL to enter it, or why not. */
typedef const char *source_enter(void *ctx, const char *path, const struct stat *st);
/* Told of each n bytes that were read to examine the source; non-zero ends it and is returned. */
typedef int source_tick(void *ctx, size_t n, struct err *e);

/* Told what is worth knowing and no reason to refuse: a sentence. */
typedef void source_note(void *ctx, const char *text);

/* What an archive may ask of us; 0: no bound. */
struct source_limits {
	uint64_t members; /* entries of all kinds */
	uint64_t bytes;	  /* of content in all */
	uint64_t ratio;	  /* content to container, once there is much of it */
};
#define SOURCE_MEMBERS_MAX 5000000u /* sensible bounds */
#define SOURCE_RATIO_MAX 200u

struct source_ask {
	const char *path; /* "-": standard input, up to 1 GiB, read into memory */
	const char *name; /* of that; NULL: none was given */
	enum source_format format;
	struct source_limits limits;
	source_enter *enter; /* may be NULL */
	source_tick *tick;   /* may be NULL */
	source_note *note;   /* may be NULL */
	void *ctx;	     /* of all three */
};

struct source_member {
	const char *path; /* relative, as record_path_ok(); the source's, until the next call */
	/* NULL: it is to be taken. Else why it is not, the end of a sentence ("is a symbolic
	 * link"), and nothing below but lost is set. */
	const char *why;
	bool lost; /* it should have been taken, but can't be: not readable, too deep */
	int fd;	   /* an open regular file, the caller's to close; -1: source_read() gives it */
	uint64_t size;
	bool has_mode, has_mtime;
	unsigned mode; /* permission bits */
	struct timespec mtime;
	bool has_sha256; /* what it had in the first pass, for the later ones */
	uint8_t sha256[32];
	uint8_t start[SOURCE_START]; /* first bytes, where fd is -1 */
	size_t start_n;
};

struct source;

/* Nothing is opened yet, but the kind of source is settled. ask's strings and ctx are borrowed.
 * ERR_NOTFOUND when there is no such source, ERR_SYSTEM when it can't be looked at, ERR_USAGE when
 * it is neither a folder nor a regular file, or not of that format,
 * or standard input without a name where one is needed. */
int source_new(struct source **out, const struct source_ask *ask, struct err *e);
/* Begin a pass. ERR_SYSTEM: it can't be read, or is not what it was in the last pass. */
int source_open(struct source *s, struct err *e);
/*
 * 1: *m is the next member, in the source's order (a folder's is sorted). 0: there is none any
 * more. Less: ERR_DAMAGED (cut off, checksums, digests), ERR_MALFORMED (not the format, members
 * that lead out, stand there twice, exceed the limits), ERR_UNSUPPORTED (encrypted), ERR_SYSTEM.
 */
int source_next(struct source *s, struct source_member *m, struct err *e);
/* Content of the last member, whose fd is -1, from its beginning, in order. *got < n at its end
 * alone. Codes as above. */
int source_read(struct source *s, void *buf, size_t n, size_t *got, struct err *e);
/* SHA-256 of the whole of that member: what was not read yet is read. */
int source_digest(struct source *s, uint8_t sha256[32], struct err *e);
/* Add what the source knows of the last member beyond *m. ERR_* of record_set. */
int source_fields(const struct source *s, struct record *r);
void source_close(struct source *s); /* end of a pass, at any point; NULL is fine */
void source_free(struct source *s);  /* NULL is fine */

#endif
