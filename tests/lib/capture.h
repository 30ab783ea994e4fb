/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture: an archive with one enrolled capture node at work on it, for the tests of ingest, intake
 * and verify; and the way back from the archive to what was taken in. The station is put together by
 * hand, without an index. What fails here fails the test.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_CAPTURE_H
#define CUSTODY_TESTS_CAPTURE_H

#include "fs/station.h"
#include "index/event.h"
#include "index/record.h"
#include "tests/lib/office.h"

struct capture {
	struct office o;
	char path[FIXTURE_PATH]; /* of the archive */
	char dir[FIXTURE_PATH];	 /* a folder for sources */
	struct archive_desc desc;
	struct identity *id;
	struct node_archive home;
	struct station s;
};

/* A new world: archive, enrolment (its document stored and journalled), an open journal. */
void capture_open(struct capture *c);
void capture_close(struct capture *c);
/* The same archive, closed and opened anew: the journal signs its checkpoint when it is closed. */
void capture_reopen(struct capture *c);
void capture_close_station(struct capture *c);
void capture_open_station(struct capture *c);

/* Store the enrolment of another node, signed by officer `who`. serial gets its serial. */
void capture_enrol(struct capture *c, const struct identity *id, unsigned roles, unsigned who,
		   uint8_t serial[16]);
/* Journal one event of the capture node. */
void capture_log(struct capture *c, struct event *ev);

/* Run a shell command in dir; it must end well. */
void capture_shell(struct capture *c, const char *command);
/* "<dir>/<name>"; static, of the last four calls. */
const char *capture_source(const struct capture *c, const char *name);

/* Events of one type in the capture node's journal. */
unsigned capture_count(struct capture *c, enum event_type type);
/* The n-th (from 0) of them; false if there are fewer. */
bool capture_event(struct capture *c, enum event_type type, unsigned n, struct event *ev);

/* Open an item the authority's way, from the archive alone: content and record. All digests,
 * commitments and ids on the way are checked. Free both. */
void capture_item(struct capture *c, const struct event *ingest, struct wire_out *content,
		  struct record **record);
/* The ingest event whose record has this path; false if there is none. */
bool capture_find(struct capture *c, const char *path, struct event *ingest,
		  struct wire_out *content, struct record **record);
/* Every item of the journal can be opened; returns how many there are. */
unsigned capture_check(struct capture *c);

#endif
