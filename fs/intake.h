/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake: one accession from sources and a manifest: what `custody ingest` does. All sources are
 * looked at first, and compared with the manifest, digests included, before anything is taken in;
 * and they are compared again as they are sealed.
 *
 * An item's path is relative to the root of its source; a source that is a file gives one item of
 * its base name. A manifest's rows name files relative to the manifest's folder or to a source.
 * Files that no row names are taken in all the same, the manifest itself too if it lies there.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_INTAKE_H
#define CUSTODY_FS_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/ingest.h"
#include "fs/moment.h"
#include "fs/source.h"

struct intake_progress {
	bool survey;	   /* still looking at the sources: totals grow */
	uint64_t compared; /* bytes that the survey read: what a manifest tells of, and archives */
	uint64_t items, bytes;		   /* acknowledged, or known from before */
	uint64_t total_items, total_bytes; /* as far as is known */
};

struct intake_ask {
	const char *const *sources;
	size_t nsources;
	const char *name;	     /* of standard input, if that ("-") is a source; or NULL */
	enum source_format format;   /* of all sources */
	struct source_limits limits; /* of each archive among them */
	const char *manifest;	     /* path, "-" for standard input, or NULL */
	const char *collection;
	const struct record *meta; /* fields every item gets; may be NULL */
	const struct record *link; /* fields of all that files give (derived_from ...); or NULL */
	const struct moment_zone *zone; /* what local times mean; NULL: they stay local */
	uint32_t epoch;			/* 0: the newest */
	unsigned workers;		/* 0: one a CPU */
	const char *user, *host;
	uint32_t uid;
	/* Rows without a file, files that are not what their row says, and items without a field that the
	 * archive asks for are told to skip, are no error, and are listed in an item of the accession
	 * (fs/intake_leave). */
	bool partial;
	bool extract; /* images that lie in sidecars become items of their own */
	bool dry_run; /* look and compare only: nothing is written, no journal is needed */
	enum known_policy known; /* what is not taken in again */
	bool read_back;		 /* see fs/ingest */
	/* Told of what is not taken: a path in its source, and why ("is a symbolic link"). May be
	 * NULL. */
	void (*skip)(void *ctx, const char *path, const char *why);
	/* Told, once for each, of what a source says of a file and can't be read as the field it is
	 * for ("captured_at", "is no time"): it is kept as it stands. May be NULL. */
	void (*unread)(void *ctx, const char *path, const char *field, struct text_span value,
		       const char *why);
	/* Told what is worth knowing of a source, and no reason to refuse it. May be NULL. */
	void (*note)(void *ctx, const char *text);
	/* A dry run that found nothing wrong: told of each item that would be taken in. May be
	 * NULL. */
	void (*take)(void *ctx, const char *path);
	/* Called often. Non-zero stops the intake: what is committed stays, ERR_SYSTEM. May be
	 * NULL. */
	int (*progress)(void *ctx, const struct intake_progress *p);
	void *ctx;
};

/*
 * Nothing is taken in before all was looked at. ERR_USAGE: two items of one path, a row that fits two files. ERR_NOTFOUND: a source, or the file
 * of a row, is not there, or a source has no file in it: a card that was not mounted must not look
 * like one that was emptied. ERR_DAMAGED: a file has not the size or digest of its row. ERR_LACKING: an
 * item has not a field that the archive asks for. Codes of
 * manifest_load, fs/source.h, ingest_begin and ingest_end. sum is filled in every case; for a dry
 * run it says what would have been taken, for which all files are read if anything can be known. Something that could not be read is no failure here: it
 * is told to skip, and counted in sum->unread.
 */
int intake_run(struct station *s, const struct intake_ask *ask, struct ingest_sum *sum,
	       struct err *e);

#endif
