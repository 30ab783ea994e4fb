/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: items by their facts. All that is asked for must hold; of several words for one fact, one.
 * What is asked of a plate must hold of one reading.
 *
 * Thread rule: as index/db.
 */
#ifndef CUSTODY_INDEX_SEARCH_H
#define CUSTODY_INDEX_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "index/facts.h"
#include "index/lineset.h"
#include "index/pattern.h"
#include "index/sheet.h"

/* Patterns (index/pattern), borrowed; none: whatever it is. */
struct search_words {
	const char *const *p;
	size_t n;
};
/* Lines of one journal. */
struct search_lines {
	uint32_t journal;
	struct lineset set;
};

struct search_ask {
	int64_t from_ms, to_ms; /* from <= time <= to */
	/* FACTS_CAMERA stands for the camera's name too. FACTS_CASE is compared exactly. */
	struct search_words text[FACTS_TEXTS];
	struct search_words plate; /* of plates as facts_plate() makes them */
	struct search_words region, hit;
	enum pattern_how plate_how;
	uint16_t confidence; /* at least; 0: any */
	/* Items of these lines alone, a set a journal; NULL: of all. */
	const struct search_lines *only;
	size_t onlys;
	/* The case is given by text[FACTS_CASE], or the item's line is in one of these. */
	const struct search_lines *cases;
	size_t ncases;
};
/* Nothing is asked for: all items. */
#define SEARCH_ALL                                       \
	{                                                \
		.from_ms = INT64_MIN, .to_ms = INT64_MAX \
	}

struct search_hit {
	uint64_t ino;
	int64_t time_ms;
	enum facts_clock clock;
};
/* Calls cb for each item, in no order, until it returns non-zero, which is returned. ERR_INDEX,
 * ERR_NOMEM. */
int search_each(struct db_txn *t, const struct search_ask *ask,
		int (*cb)(void *ctx, const struct search_hit *hit), void *ctx, struct err *e);

#endif
