/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host: a node at work on an archive of tests/lib/office, with all of a station. What fails here
 * fails the test.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_HOST_H
#define CUSTODY_TESTS_HOST_H

#include "fs/admit.h"
#include "fs/station.h"
#include "index/event.h"
#include "tests/lib/office.h"

struct host {
	const struct office *o;
	const char *archive;
	char dir[FIXTURE_PATH];
	struct identity_public pub;
	struct station *s; /* NULL while closed */
};

int64_t host_now_s(void); /* in ms, whole seconds: what documents can say */

/* Make a node in "<office dir>/<name>" that has met the archive. No station yet. */
void host_new(struct host *h, const struct office *o, const char *archive, const char *name);
void host_open(struct host *h, unsigned flags);
void host_close(struct host *h); /* if it is open */

/* The enrolment of h, signed by officer `who`. serial0 is the first byte of its serial. */
void host_enrolment(const struct host *h, const struct archive_desc *desc, unsigned roles,
		    int64_t issued_ms, uint8_t serial0, unsigned who, struct document *d);
/* Admit a document as user "op". */
int host_admit(struct host *h, const struct document *d, struct admit_result *r, struct err *e);
/* Enrol the node, and leave its station open. */
void host_enrol(struct host *h, const struct archive_desc *desc, unsigned roles, uint8_t serial0);

/* Events of one type in the node's journal; the last of them in *last (may be NULL). */
unsigned host_events(const struct host *h, enum event_type type, struct event *last);

#endif
