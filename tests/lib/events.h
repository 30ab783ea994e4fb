/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: journal events of known and of random content, for the tests of index/event. What fails
 * here fails the test.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_TESTS_EVENTS_H
#define CUSTODY_TESTS_EVENTS_H

#include "index/event.h"

#define EVENTS_BODY (2 * EVENT_LINE_MAX)
#define EVENTS_MAC_TAIL 42 /* bytes of a line from `,"mac"` on */
#define EVENTS_TIME_MS INT64_C(1795417800123)

extern const struct event_key events_key;

/* An event of seq 7 with every field set, also those its type does not have. */
void events_fill(struct event *ev, enum event_type type);
/*
 * A line up to its MAC is written here with ' for ", %a5 for an id and #a5 for a hash of that byte
 * in quotes, and @type@ for what begins the line of such an event.
 */
void events_expand(char out[EVENTS_BODY], const char *body);
/* The line of an event of events_fill(), up to its MAC. */
void events_golden(char out[EVENTS_BODY], enum event_type type);

/* Repeatable randomness; *s is any number but 0 at first. */
uint64_t events_rnd(uint64_t *s);
/* An event of a random type and content; all strings are valid. */
void events_random(struct event *ev, uint64_t *s);

/* event_parse() from memory of exactly the size, so that reading past the end is seen. */
int events_parse(struct event *ev, const char *p, size_t n);
/* The same of body, in the notation above, and a MAC of bytes 0f, which the parser reads and does
 * not check. */
int events_parse_body(struct event *ev, const char *body);

#endif
