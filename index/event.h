/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: one line of a journal. One table says which fields a type has and in which order; the
 * formatter and the strict parser both follow it, so every event has exactly one form.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_EVENT_H
#define CUSTODY_INDEX_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define EVENT_LINE_MAX 8192
#define EVENT_STR_MAX 256 /* bytes of a string field with its NUL */
#define EVENT_MAC 16
#define EVENT_VALUE_MAX (6 * EVENT_STR_MAX) /* fits every value of event_field() */

enum event_type {
	EVENT_UNKNOWN = 0, /* a type of a newer version */
	EVENT_STARTED,
	EVENT_ENROLLED,
	EVENT_ACCESSION,
	EVENT_SEGMENT,
	EVENT_INGEST,
	EVENT_ACCESSION_CLOSED,
	EVENT_REQUESTED,
	EVENT_ADMITTED,
	EVENT_REFUSED,
	EVENT_OPENED,
	EVENT_CLOSED,
	EVENT_RELEASE_ENDED,
	EVENT_MOUNTED,
	EVENT_UNMOUNTED,
	EVENT_DAMAGED,
	EVENT_RECOVERED,
	EVENT_COSIGNED,
	EVENT_REPAIRED,
	EVENT_EXPORTED,
	EVENT_EXPORT_CLOSED,
	EVENT_TYPES
};

/* The fields of all types; a type uses those its row in event.c names. Optional fields that are
 * absent are all zero (ids, hashes) or empty. */
struct event {
	enum event_type type;
	uint64_t seq;
	int64_t time_ms;
	char type_name[32]; /* set by the parser, also for unknown types */

	uint8_t archive[16], node[16], document[16], accession[16], segment[16], item[16],
		release[16], log[16], export[16], origin[16];
	uint8_t header[32], head[32], frame[32], commitment[32], mark[32], digest[32],
		root[32];
	uint64_t epoch, offset, length, headlen, items, accessions, bytes, uid, loginuid, pid,
		handle, count, size, stamp;
	char version[EVENT_STR_MAX], user[EVENT_STR_MAX], host[EVENT_STR_MAX], kind[EVENT_STR_MAX],
		what[EVENT_STR_MAX], reason[EVENT_STR_MAX], program[EVENT_STR_MAX],
		witness[EVENT_STR_MAX], recipients[EVENT_STR_MAX];

	uint8_t mac[EVENT_MAC];

	/* Not in the line: */
	int64_t latest_ms; /* it is not logged after this time; 0: whenever */
	uint64_t judged;   /* lines of the log by which it was allowed; 0: it needs no leave */
	bool metered;	   /* what others have opened since counts, too */
};

/* What the MAC of a line is made with: the node's journal key, and the archive it is about, so that
 * a line of one archive's log is none in another's. Both borrowed. */
struct event_key {
	const uint8_t *journal; /* 32 secret bytes */
	const uint8_t *archive; /* 16 bytes */
};

const char *event_type_name(enum event_type t);
/* Append the line, without LF, with its MAC. Strings longer than
 * their bound are cut at a character; invalid UTF-8 becomes U+FFFD. ERR_USAGE: unknown type. */
int event_format(struct wire_out *out, const struct event *ev, struct event_key key);
/* Parse a line (no LF). Any deviation from the one form is ERR_MALFORMED; a type not in the table
 * parses as EVENT_UNKNOWN with seq and time set, if the rest is one JSON object on one line. */
int event_parse(struct event *ev, struct text_span line);
/* 0 or ERR_FORGED: the MAC of the line. */
int event_check_mac(struct text_span line, struct event_key key);
/* Names and values of an event's fields in order, for people and --json. `value` is text as in the
 * line, without quotes; `quoted` tells if it is a JSON string. False after the last. */
bool event_field(const struct event *ev, unsigned i, const char **name, char *value, size_t cap,
		 bool *quoted);

#endif
