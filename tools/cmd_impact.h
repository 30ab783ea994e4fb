/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_impact: what could have been released, by a node or under what an officer signed, in a time. All
 * of it is said by journals and documents; an index makes it quick, and gives paths.
 *
 * Times are inclusive, in ms. Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_IMPACT_H
#define CUSTODY_TOOLS_CMD_IMPACT_H

#include "crypto/chunk.h"
#include "tools/cmd_docs.h"

/* What is the worst that can be said of an item; the worst is the last. */
enum impact_state {
	IMPACT_NONE,
	IMPACT_TAKEN_IN, /* the node itself took it in, and so had it in plain */
	IMPACT_HELD,	 /* its key was there, under a release that was not in force in the time */
	IMPACT_COVERED,	 /* a release in force covered it: it could be read */
	IMPACT_OPENED,	 /* and was opened, and nothing was read */
	IMPACT_SERVED,	 /* bytes were given out, or the end was not seen */
	IMPACT_EXPORTED, /* and left the archive in a package */
	IMPACT_STATES
};

/* An authorisation that a node admitted. */
struct impact_release {
	uint8_t node[16];
	char node_name[CMD_NAME_MAX];
	int64_t admitted_ms, begin_ms, end_ms; /* in force from begin to end; begin > end: never */
	bool in_force;			       /* in the time that is asked for */
	struct authorisation terms;	       /* owned */
};

/* A file that was open. */
struct impact_use {
	uint32_t release; /* IMPACT_STRAY: of an authorisation that its log did not admit */
	uint8_t node[16], item[16], serial[16];
	uint64_t handle, bytes;
	int64_t opened_ms;
	bool closed, gone; /* gone: closed before the time that is asked for */
	bool exported;	   /* opened for a package */
	uint32_t next;	   /* in its bucket, while it is open */
};
#define IMPACT_STRAY UINT32_MAX

/* An item, by the line that took it in; or one that a document or line names, and none took in. */
struct impact_item {
	uint8_t id[16], commitment[32], accession[16], node[16];
	bool known;
	int64_t ms;	 /* taken in */
	uint64_t stored; /* bytes of the frame */
	uint64_t size;	 /* of the plaintext, where it has a segment header to tell it by */
	bool sized;
	enum impact_state state;
	bool taken_in;
	uint64_t opens, unclosed, bytes;
};
/* A release covers an item. */
struct impact_pair {
	uint32_t item, release;
};

struct impact {
	struct ui *ui;
	struct cmd_view view;
	struct cmd_notice notice; /* impact_tell() */
	uint64_t *told;		  /* hashes of what was told of: it is read more than once */
	size_t tolds, room_told;
	const uint8_t *journal;		   /* the node in question, or NULL */
	const struct cmd_officer *officer; /* or NULL */
	int64_t from_ms, to_ms;
	struct impact_release *release;
	size_t releases;
	struct impact_use *use;
	size_t uses;
	struct impact_item *item; /* by id, commitment, node */
	size_t items;
	struct impact_pair *pair; /* by item, release */
	size_t pairs;
	/* The segment whose header was read last: items come segment by segment. */
	uint8_t segment[16];
	struct chunk_map map; /* of its chunks; size 0: none was, or it can't be read */
	uint64_t readers;     /* enrolments of readers that were in force */
	uint64_t names;	      /* items whose names these could see */
	size_t room_releases, room_uses, room_items, room_pairs;
};

/* Room for one more in a list of elements of `size` bytes; ERR_NOMEM. */
int impact_room(void **list, size_t n, size_t *cap, size_t size, struct err *e);

/* For m->notice: says each sentence once. */
void impact_tell(void *ctx, const char *sentence);

/* In this order. Codes of cmd_merge and cmd_docs; what can't be looked at is told of. */
int impact_find_releases(struct impact *m, struct err *e);
int impact_find_uses(struct impact *m, struct err *e);
int impact_find_items(struct impact *m, struct err *e);
int impact_find_names(struct impact *m, struct err *e);
void impact_free(struct impact *m);

/* tools/cmd_impact_print.c */
struct impact_print {
	bool only_summary, null;
	bool state[IMPACT_STATES]; /* which items are listed */
};
const char *impact_state_name(enum impact_state s);
int impact_print(const struct impact *m, const struct impact_print *how, struct err *e);

#endif
