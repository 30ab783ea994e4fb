/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage: an archive with real nodes at work on it through real stations: what is taken in, asked
 * for and authorised goes the way it does in life. What fails here fails the test.
 *
 * Only one station is open at a time, as keys are locked memory of which a process has little.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_STAGE_H
#define CUSTODY_TESTS_STAGE_H

#include "fs/authorisation.h"
#include "fs/station.h"
#include "index/ledger.h"
#include "index/object.h"
#include "tests/lib/office.h"

enum stage_node {
	STAGE_CAP,  /* ingest */
	STAGE_CAP2, /* ingest */
	STAGE_WS,   /* reader */
	STAGE_BOTH, /* ingest,reader */
	STAGE_NODES
};

struct stage {
	struct office o;
	char archive[FIXTURE_PATH];
	struct archive_desc desc;
	char dir[STAGE_NODES][FIXTURE_PATH];
	uint8_t id[STAGE_NODES][16];
	struct identity_public pub[STAGE_NODES];
	struct station *st; /* the one that is open */
	char notice[1024];  /* what the last station_open told */
};

/* An archive; nodes are enrolled when they are first opened. */
void stage_open(struct stage *s);
void stage_close(struct stage *s);

/* Open a node's station; it must go well. */
struct station *stage_enter(struct stage *s, enum stage_node n, unsigned flags);
void stage_leave(struct stage *s);
/* Try to; *e gets the error. The station is closed again if it opens. */
int stage_try(struct stage *s, enum stage_node n, unsigned flags, struct err *e);

/* Take in n items of a few hundred bytes as <collection>/<prefix><number>.jpg, at an ingest node.
 * The accession's id goes to accession (may be NULL). */
void stage_ingest(struct stage *s, enum stage_node n, const char *collection, const char *prefix,
		  unsigned count, uint8_t accession[16]);
/* One item of any bytes. */
void stage_ingest_one(struct stage *s, enum stage_node n, const char *collection, const char *path,
		      const void *p, size_t len);
/* The bytes that stage_ingest() gives item i; returns their number (at most 1,000). */
size_t stage_content(const char *prefix, unsigned i, uint8_t out[1000]);

/* The object at a path in the open station; NULL-free: ERR_NOTFOUND, ... */
int stage_find(struct stage *s, const char *path, struct object *o);
/* Items in the open station's index. */
uint64_t stage_items(struct stage *s);

/* Everything the open station's index shows, as text: paths, ids, sizes, times, provenance. */
void stage_dump(struct stage *s, struct wire_out *out);
/* The same of an index that may be damaged: 0, ERR_INDEX, ... */
int stage_try_dump(struct stage *s, struct wire_out *out);
/* Journal n events of one type at the open station; fields from *ev. */
void stage_log(struct stage *s, const struct event *ev, unsigned n);
/* What the open station's index says of a document. */
int stage_document(struct stage *s, const uint8_t serial[16], struct ledger_document *d);

/* What an authorisation says; zeros are sensible. */
struct stage_terms {
	const char *paths[8];	   /* items, in the catalogue of the node it is for */
	const uint8_t *accession;  /* or a whole one */
	const char *user;	   /* a local account */
	const char *export_to;	   /* where packages may go */
	int64_t from_ms, until_ms; /* from now; until 0: an hour */
	uint64_t max_opens, max_bytes;
	bool wrong_key;	  /* other keys are sealed than those of the items */
	unsigned signers; /* officers, one bit each; 0: the first */
};
/* Make one for a node, as the authority would, signed; the node's station is open and knows the
 * items. serial gets its serial. Free it. */
void stage_authorise(struct stage *s, enum stage_node n, const struct stage_terms *t,
		     struct document *d, uint8_t serial[16]);
/* Import a document at the open station. */
int stage_import(struct stage *s, const struct document *d, struct err *e);
/* Both: authorise and import; it must go well. */
void stage_release(struct stage *s, enum stage_node n, const struct stage_terms *t,
		   uint8_t serial[16]);
/* One more enrolment of a node that there is, issued now. Free it. */
void stage_enrolment(struct stage *s, enum stage_node n, struct document *d);
/* A signed revocation of an authorisation (REVOKE_AUTHORISATION) or node. Free it. */
void stage_revocation(struct stage *s, int what, const uint8_t target[16], struct document *d,
		      uint8_t serial[16]);

/* The same of the key of an officer, signed by the first. */
void stage_revocation_of_key(struct stage *s, unsigned officer, struct document *d,
			     uint8_t serial[16]);
/* An accepted restore for a node, that was issued so many ms from now; of logs as they are. Free it. */
void stage_restore(struct stage *s, enum stage_node n, int64_t from_now_ms, unsigned officer,
		   struct document *d, uint8_t serial[16]);
/* Admit a document as a node would that breaks the rules: it is in documents/, and in the log of the
 * open station, whatever it says and whoever has signed it. */
void stage_smuggle(struct stage *s, const struct document *d, const char *kind,
		   const uint8_t serial[16]);

/* "<archive>/journal/<node>.<suffix>" */
void stage_journal_path(const struct stage *s, enum stage_node n, const char *suffix,
			char path[FIXTURE_PATH]);
/* Run a shell command in the archive's directory; it must end well. */
void stage_shell(struct stage *s, const char *command);

#endif
