/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known: what this node took in before, and takes in now: so that an ingest that was broken off is
 * done again without taking anything in twice. Content is known by marks (index/mark), which the
 * journal carries and the index finds. What other processes of the node take in meanwhile is not
 * seen.
 *
 * Thread rule: open and close are for one thread; the rest is for many.
 */
#ifndef CUSTODY_FS_KNOWN_H
#define CUSTODY_FS_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/station.h"
#include "index/mark.h"

/* What is not taken in again. */
enum known_policy {
	KNOWN_POLICY_NONE = 0, /* all is taken in */
	KNOWN_POLICY_PLACE,    /* not: the same content in the same collection, at the same path */
	KNOWN_POLICY_CONTENT,  /* not: the same content, whatever it was called */
};

enum known_is {
	KNOWN_NEW = 0,	 /* to be taken in; from now on it counts as on its way */
	KNOWN_ELSEWHERE, /* the same, but for its content's being known under another name */
	KNOWN_ON_ITS_WAY, /* this run takes it in already; nobody knows yet if that will be durable */
	KNOWN_THERE,	  /* taken in, durably */
};

struct known;

/* What is known, and how it is looked for. */
struct known_ask {
	const char *collection; /* borrowed */
	enum known_policy policy;
	bool look;    /* what is known is THERE only if it lies in the archive as it was logged: its
		    * frame is read, and its digest compared; if not, it is NEW */
	bool repeats; /* the same path may come twice in this run, and not be taken in twice */
};

/* The station has its index, which is not written meanwhile. ERR_NOMEM, ERR_INDEX, ERR_SYSTEM. */
int known_open(struct known **out, struct station *s, const struct known_ask *ask, struct err *e);
void known_close(struct known *k); /* NULL is fine */
/* Can anything be known? If not, it is not worth while to hash content beforehand. */
bool known_any(const struct known *k);
/* Judge content by its digest. mark receives what its event is to carry, once sealed with
 * known_mark(). ERR_INDEX, ERR_NOMEM, ERR_BUSY. */
int known_judge(struct known *k, const uint8_t sha256[32], const char *path, struct mark *mark,
		enum known_is *is, struct err *e);
void known_mark(const struct known *k, uint8_t out[MARK_SIZE], const uint8_t item[16],
		const struct mark *mark);

#endif
