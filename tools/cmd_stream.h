/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_stream: the lines of one journal that fit what is asked, in their order. Needs no key. What is
 * indexed is read by the index, and each line compared with its hash there; what is not is read line by
 * line, and compared with the journal's checkpoint. custody verify checks the rest.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_STREAM_H
#define CUSTODY_TOOLS_CMD_STREAM_H

#include "fs/roster.h"
#include "tools/cmd.h"
#include "tools/cmd_ask.h"

/* A line; borrowed until the next call. */
struct cmd_merge_line {
	struct event ev;
	struct text_span line;
	uint8_t node[16];
	char name[CMD_NAME_MAX];
	bool is_signed; /* by its journal's checkpoint, which is good and signs these lines */
};

/* Told of what is wrong: a whole sentence. */
struct cmd_notice {
	void (*say)(void *ctx, const char *sentence);
	void *ctx;
	unsigned n; /* how many so far */
};

struct cmd_stream;

/* ask is borrowed for as long as the stream is open. db: the node's index, or NULL. */
int cmd_stream_open(struct cmd_stream **out, const struct archive *a, const struct roster *r,
		    const uint8_t node[16], struct db *db, const struct cmd_ask *ask,
		    struct err *e);
/* The line at hand, NULL at the end. A line that is no event, or not the one that was logged, is told of
 * and passed over; so is a journal that its checkpoint does not sign, whose lines come as unsigned. */
const struct cmd_merge_line *cmd_stream_now(struct cmd_stream *s, struct cmd_notice *notice);
/* How many lines fit, from here to the end; by the index alone, as far as that goes. */
uint64_t cmd_stream_count(struct cmd_stream *s, struct cmd_notice *notice);
/* Done with the line at hand. */
void cmd_stream_skip(struct cmd_stream *s);
/* Why it ended early: ERR_INDEX, ERR_NOMEM, ERR_SYSTEM; 0 if it did not. */
int cmd_stream_failed(const struct cmd_stream *s, struct err *e);
const char *cmd_stream_name(const struct cmd_stream *s); /* of the node */
void cmd_stream_close(struct cmd_stream *s);		 /* NULL is fine */

#endif
