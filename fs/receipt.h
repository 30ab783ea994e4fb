/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receipt: one text file that proves the custody of one item to somebody who has neither the archive
 * nor a key: the archive's description, the enrolments of the nodes that speak, their signed
 * checkpoints, every event of the item with its inclusion proof, and the authorisations it was
 * opened under. See custodyfs-format(5), "Receipts".
 *
 * A receipt proves what it holds. That nothing was left out only the whole log can show.
 *
 *   receipt_parse.c   the container, strictly and bounded
 *   receipt_check.c   signatures and proofs
 *   receipt_versions.c  archive.txt, and the versions before it
 *   receipt_documents.c authorisations, revocations and restores, each by the version it was admitted
 *                     under, and without the keys whose revocation its log had admitted
 *   receipt_witness.c what a witness saw of a log
 *   receipt_judge.c   whether what happened was allowed
 *   receipt_make.c    the way back: from an archive to a receipt; see fs/receipt_draft.h
 *
 * Thread rule: a receipt belongs to one thread.
 */
#ifndef CUSTODY_FS_RECEIPT_H
#define CUSTODY_FS_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/archive.h"
#include "fs/authorisation.h"
#include "fs/cosigned.h"
#include "fs/restore.h"
#include "fs/roster.h"
#include "index/event.h"
#include "index/record.h"

#define RECEIPT_TITLE "custodyfs-receipt/v1"
#define RECEIPT_PROOF "c2sp.org/tlog-proof@v1"
#define RECEIPT_RECORD "CUSTODYFS RECORD" /* label of the armor of a disclosed record */
#define RECEIPT_MAX ((size_t)1 << 30)
#define RECEIPT_VERSIONS_MAX 256u /* of archive.txt, before the one in force */
#define RECEIPT_LOGS_MAX 4096u
#define RECEIPT_ENROLMENTS_MAX 4096u
#define RECEIPT_EVENTS_MAX 100000u
#define RECEIPT_DOCUMENTS_MAX 4096u /* authorisations, revocations, and restores */
#define RECEIPT_FINDINGS_MAX 256u   /* that are kept; all are counted */
/* An event has the time of its line, a moment after the gate decided. */
#define RECEIPT_SLACK_MS 2000
/* So far the clocks of a node and a witness may be apart. */
#define RECEIPT_CLOCK_MS 3600000

struct receipt_version { /* an archive.txt before the one in force */
	struct text_span bytes;
	/* Set by receipt_check(). */
	struct archive_desc desc;
	uint8_t digest[32];
};
struct receipt_log {
	uint8_t node[16];
	size_t enrolment, enrolments; /* first of its enrolments, and how many */
	struct text_span checkpoint;  /* the signed note, verbatim */
	struct text_span cosigned;    /* the longest one that a witness cosigned; empty: none */
	struct text_span consistency; /* the ask that leads from it to the checkpoint; or empty */
	size_t event, events;	      /* the same of its events */
	/* Set by receipt_check(). */
	bool good;		   /* enrolled, and its checkpoint is signed by it */
	struct roster_node who;	   /* by its latest enrolment; roles are those of all */
	uint8_t last[16];	   /* serial of the enrolment that was looked at last */
	struct note_checkpoint cp; /* what it signed */
	struct cosigned witnessed; /* n 0: by nobody */
	unsigned others;	   /* signature lines of others, which are not looked at */
};
struct receipt_event {
	size_t log;
	struct text_span line;	/* without its LF */
	struct text_span proof; /* a tlog-proof@v1 */
	/* Set by receipt_check(). */
	bool proved;	/* it is what the log's checkpoint signs; all else here is from its line */
	bool witnessed; /* it is in what a witness cosigned */
	enum event_type type;
	uint64_t seq, handle;
	int64_t time_ms;
	bool of_item; /* it names the item */
	/* Id of a release (opened, closed, exported, release-ended), document or accession. */
	uint8_t subject[16];
	uint8_t export[16]; /* of what was opened for an export, and of that; else zeros */
	uint32_t version;   /* of archive.txt, where it admits one; else 0 */
};
struct receipt_grant { /* an authorisation */
	struct text_span bytes;
	/* Set by receipt_check(). */
	bool good;		    /* well-formed, of this archive, signed */
	bool unjudged;		    /* that, but whether those keys counted is not shown */
	bool covers;		    /* it names the item, or its accession */
	bool covers_other;	    /* or another node's item of the same id */
	bool admitted;		    /* by the log of its node */
	size_t admission;	    /* then: the event */
	struct authorisation terms; /* owned */
	uint8_t digest[32];
	uint32_t version;			  /* of archive.txt, that it is judged by */
	unsigned signer[DOCUMENT_SIGNATURES_MAX]; /* numbers of that version's keys */
	size_t signers;
};
struct receipt_revocation {
	struct text_span bytes;
	/* Set by receipt_check(). */
	bool good, unjudged; /* as above */
	bool named;	     /* of a key: a log that admits what it signed admits this */
	struct authorisation_revocation terms;
	uint8_t digest[32];
};
struct receipt_restore { /* an accepted one: what its node was authorised to do before is over */
	struct text_span bytes;
	/* Set by receipt_check(). */
	bool good, unjudged;  /* as above */
	struct restore terms; /* owned */
	uint8_t digest[32];
};
struct receipt_finding {
	int code; /* of exit 4: damaged or forged; else it could not be checked */
	char text[320];
};

struct receipt {
	struct wire_out bytes; /* owned: the whole file, which all spans point into */
	uint8_t archive[16], item[16];
	uint8_t node[16]; /* who took it in: another node's item of this id is another item */
	struct text_span description;	 /* archive.txt */
	struct receipt_version *earlier; /* the versions before it, the latest first */
	size_t earliers;
	struct text_span *enrolment;
	size_t enrolments;
	struct receipt_log *log;
	size_t logs;
	struct receipt_event *event; /* by log, then by place */
	size_t events;
	struct receipt_grant *grant;
	size_t grants;
	struct receipt_revocation *revocation;
	size_t revocations;
	struct receipt_restore *restore;
	size_t restores;
	struct text_span record; /* the armor; empty: nothing is disclosed */

	bool witness_needed; /* the caller's wish: an event that no witness cosigned is a finding */

	/* Set by receipt_check(). */
	struct archive_desc desc;
	bool desc_good;
	uint8_t desc_digest[32]; /* of the file */
	size_t chain;		 /* so many of `earlier` lead up to desc */
	uint32_t pinned; /* the version whose keys are those expected; 0: none, or not asked */
	struct record *provenance; /* NULL: not disclosed, or not the one committed to */
	uint8_t content[32];	   /* SHA-256 of the plaintext, where there is provenance */
	struct receipt_finding *finding;
	size_t findings; /* kept */
	uint64_t damaged, unchecked;
	uint64_t ungranted; /* of `damaged`: only that an export was not granted that was covered */
};

/* The container alone; copies. ERR_FOREIGN, ERR_NEWER, ERR_MALFORMED (names the line), ERR_NOMEM. On
 * failure *r is empty. */
int receipt_parse(struct receipt *r, const void *p, size_t n, struct err *e);
void receipt_free(struct receipt *r);

/*
 * Check all there is, once. `expected` (may be NULL) are the authorisation keys the archive must
 * have, or must have had in one of the versions that lead up to it: those and no others. What is wrong becomes a finding, and the rest is checked all the same,
 * but for archive.txt, without which nothing can be. 0; ERR_DAMAGED when something is damaged or
 * forged, or happened that no authorisation covers; ERR_UNSUPPORTED when nothing is, and something
 * could not be checked; ERR_NOMEM.
 */
int receipt_check(struct receipt *r, const struct sshkey *expected, size_t n, struct err *e);
/* The event of a line that is proved. */
void receipt_event(const struct receipt *r, size_t i, struct event *ev);
/* Is it proved, and the item's ingest, not that of another node's item of the same id? */
bool receipt_is_ingest(const struct receipt *r, size_t i);
/* The authorisation of a serial; NULL if the receipt has none that is good, or could be. */
struct receipt_grant *receipt_grant(const struct receipt *r, const uint8_t serial[16]);
/* A version of archive.txt; NULL if it is not there, or does not lead up to the last. */
const struct archive_desc *receipt_desc(const struct receipt *r, uint32_t version);

/* For the parts of receipt_check(): one more finding; codes of exit 5 and 7 within a receipt count as
 * forged, but for ERR_NEWER and ERR_UNSUPPORTED, which could not be checked. Returns 0, or ERR_NOMEM. */
__attribute__((format(printf, 3, 4))) int receipt_tell(struct receipt *r, int code, const char *fmt,
						       ...);
/* archive.txt, the versions before it, and whose keys they have. */
int receipt_versions(struct receipt *r, const struct sshkey *expected, size_t n);
/* That the logs admit those versions, one after the other. */
int receipt_versions_admitted(struct receipt *r);
/* Authorisations, revocations and restores, when the events are checked. */
int receipt_documents(struct receipt *r);
/* The event by which a node's log admits a document. */
bool receipt_admission(const struct receipt *r, const uint8_t node[16], const char *kind,
		       const uint8_t serial[16], const uint8_t digest[32], size_t *at);
/* The same, before event `before` of that log. */
bool receipt_admitted_before(const struct receipt *r, size_t before, const char *kind,
			     const uint8_t serial[16], const uint8_t digest[32]);
int receipt_judge(struct receipt *r);
/* receipt_over.c: what ended an authorisation before event i, which opens something under it, by the log
 * of that event; NULL: nothing did. */
const char *receipt_over(const struct receipt *r, const struct receipt_grant *g, size_t i);
/* Was it opened after its node was revoked, which its log does not admit before? */
bool receipt_unheard(const struct receipt *r, const struct receipt_grant *g, size_t i);
/* The cosigned part of a log whose checkpoint is good. */
int receipt_witness(struct receipt *r, struct receipt_log *log);
/* Which events a witness saw, and when; needed: all must be. */
int receipt_witness_events(struct receipt *r, bool needed);

struct station;
struct receipt_ask {
	struct station *station; /* a reader's: its index is used. NULL: journals are read whole */
	const struct archive *archive;
	const struct roster *roster; /* without a station */
	uint8_t item[16];
	const uint8_t *node; /* who took it in; NULL: the only one that did */
	bool disclose;	     /* the provenance record too; needs the station */
	/* Told of what the receipt can't have. May be NULL. */
	void (*notice)(void *ctx, const char *sentence);
	void *notice_ctx;
};
struct receipt_sum {
	uint64_t events, logs, authorisations;
	uint64_t
		beyond; /* events of the item past the checkpoint of their log: not in the receipt */
};
/*
 * Append a receipt. Segments are read for a record that is to be disclosed, and else not at all.
 * ERR_NOTFOUND: no such item; ERR_FORGED: it was taken in more than once; ERR_BUSY: its node has not signed for it yet; ERR_DAMAGED: a log is not
 * what its checkpoint signs, or the record can't be read; ERR_ROLE: to disclose without a reader.
 */
int receipt_make(struct wire_out *out, const struct receipt_ask *ask, struct receipt_sum *sum,
		 struct err *e);

#endif
