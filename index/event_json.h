/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_json: the strict pieces of JSON (RFC 8259) that journal lines are made of. Internal to
 * index/event.
 *
 * A string has one form: `\"`, `\\`, and `\u00XX` (lower-case hex) for control characters, that is
 * U+0001 to U+001F and U+007F to U+009F, so that a journal can be shown on a terminal as it is; all
 * else stands for itself as UTF-8. NUL can't be written.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_EVENT_JSON_H
#define CUSTODY_INDEX_EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* What is left to parse, borrowed. After a false answer its place is undefined. */
struct event_json {
	const char *p, *end;
};

/* Write the n bytes of valid UTF-8 at s, escaped and without quotes, to out[cap]; stop before a
 * character that does not fit whole. One byte becomes six at most. Returns the bytes written; no NUL is added. */
size_t event_json_escape(char *out, size_t cap, const char *s, size_t n);
/* Take exactly the n bytes at s. */
bool event_json_take(struct event_json *in, const char *s, size_t n);
/* Take a quoted string of that one form; it is put into out[cap], unescaped, with a NUL. */
bool event_json_string(struct event_json *in, char *out, size_t cap);
/* Take any one value that has no white space around its tokens and is nested at most 8 deep. */
bool event_json_value(struct event_json *in);

#endif
