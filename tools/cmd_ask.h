/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_ask: what is asked of the log. An event fits if it fits every part that is given. Where a
 * journal is indexed the same is asked of the index, which says where to look; what is found there is
 * read, checked, and asked again.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_ASK_H
#define CUSTODY_TOOLS_CMD_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/event.h"
#include "index/ledger.h"
#include "index/lineset.h"
#include "index/posting.h"

/* Ids, any of which will do. Zero-initialise; not given, it does not matter. */
struct cmd_ids {
	uint8_t (*id)[16]; /* owned; sorted once cmd_ids_sort() was called */
	size_t n, cap;
	bool given;
};
/* ERR_NOMEM. Either makes it given, though it may have no id. */
int cmd_ids_add(struct cmd_ids *ids, const uint8_t id[16]);
void cmd_ids_sort(struct cmd_ids *ids);
bool cmd_ids_has(const struct cmd_ids *ids, const uint8_t id[16]); /* of sorted ones */
void cmd_ids_free(struct cmd_ids *ids);

struct cmd_ask {
	const uint8_t *journal; /* NULL: of all */
	bool types, type[EVENT_TYPES];
	const char *user; /* name of an account, or NULL */
	bool has_uid;
	uint64_t uid;
	struct cmd_ids documents, accessions, items, exports;
	int64_t from_ms, to_ms; /* both inclusive */
	/* Lines with none of these are of no interest; looked for in an index alone. */
	const struct posting *hint;
	size_t hints;
	/* No more than so many of each journal, the last ones (0: all). Where there is no index, and
	 * past its end, more may come. */
	uint64_t last;
	/* Lines that nobody has signed for, and no index has checked, may make things look worse, not
	 * better: those that end, settle or take back something are passed over, and others are told of. */
	bool wary;
};
#define CMD_ASK_ALL                                      \
	{                                                \
		.from_ms = INT64_MIN, .to_ms = INT64_MAX \
	}

bool cmd_ask_fits(const struct cmd_ask *a, const struct event *ev);
/* Keep of a set of lines of an indexed journal those that the index says may fit; by time and `last` are
 * the caller's. ERR_INDEX, ERR_NOMEM. */
int cmd_ask_narrow(const struct cmd_ask *a, struct db_txn *t, uint32_t journal, struct lineset *s,
		   struct err *e);
void cmd_ask_free(struct cmd_ask *a);

#endif
