/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept: the other side of an export: is a package whole, is it what left the archive, and was it allowed
 * to leave to here? Needs no archive, no node, and no key but the one that opens what is sealed.
 *
 *   accept.c          goes through the files: digests of all, receipts as they come
 *   accept_receipt.c  what one receipt says of its item, and of the export
 *   accept_bag.c      the bag: complete, and nothing else in it
 *   accept_judge.c    that sheet, receipts, authorisation and payload belong together
 *   accept_take.c     takes it in: its files become items of another archive
 *
 * What is wrong becomes a finding, and the rest is checked all the same.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_ACCEPT_H
#define CUSTODY_FS_ACCEPT_H

#include "fs/baglist.h"
#include "fs/export_sheet.h"
#include "fs/ingest.h"
#include "fs/package_read.h"
#include "fs/receipt.h"

#define ACCEPT_FINDINGS_MAX 256u /* that are kept; all are counted */
#define ACCEPT_TAG_MAX ((size_t)1 << 30)

struct accept_ask {
	const char *place;	 /* as package_read() */
	const uint8_t *identity; /* 32 secret bytes, or NULL */
	/* The authorisation keys that the archive must have, or have had: those and no others. */
	const struct sshkey *keys;
	size_t nkeys;
	const uint8_t *archive; /* its id, if it is known, or NULL */
	bool witnessed;		/* a receipt of events that no witness cosigned can't be checked */
	/* Called often, with bytes read; non-zero stops. May be NULL. */
	int (*progress)(void *ctx, uint64_t bytes);
	void *ctx;
};

struct accept_finding {
	int code; /* of exit 4, 5 or 7 */
	char text[400];
};

/* What one receipt says. */
struct accept_receipt {
	uint8_t item[16], node[16], commitment[32];
	uint8_t content[32];   /* H of the plaintext; only if `disclosed` */
	bool disclosed, left;  /* left: its log shows that it was opened for this export */
	struct record *record; /* owned; NULL without */
};

struct accept {
	enum parcel_form form; /* in which it came */
	bool parsed;	       /* there is a sheet; it parses */
	struct export_sheet sheet;
	struct authorisation terms; /* of the authorisation; where granted */
	bool granted;		    /* a receipt has it, and it is good */
	struct archive_desc desc;   /* where there is a good receipt */
	uint32_t pinned;	    /* as in a receipt */
	bool described;
	uint64_t files, bytes;		/* that were read */
	struct baglist payload, tags;	/* as they are there, sorted */
	struct accept_receipt *receipt; /* owned; by item and node */
	size_t receipts;
	struct accept_finding *finding; /* owned */
	size_t findings;
	uint64_t damaged, refused, unchecked;
};
void accept_free(struct accept *a); /* zeroed is fine */

/* Go through it, and judge. 0: all holds; ERR_DAMAGED: something is damaged or forged; ERR_NO_EXPORT: nothing
 * is, but it was not allowed to leave to here; ERR_UNSUPPORTED: not all could be checked. Those are in the
 * findings. Else there is no verdict, and e says why: codes of package_read(), ERR_NOMEM. */
int accept_check(struct accept *a, const struct accept_ask *ask, struct err *e);
/* The receipt of an item of the sheet; NULL if there is none. */
const struct accept_receipt *accept_find(const struct accept *a, const struct export_item *it);

struct accept_take_ask {
	struct station *station; /* of the archive that it goes into, with a journal */
	const char *collection;
	const char *place;	 /* of the package; not "-", for it is read once more */
	const uint8_t *identity; /* as before */
	const char *user, *host;
	uint32_t uid;
	/* Called often, with bytes read; non-zero stops. May be NULL. */
	int (*progress)(void *ctx, uint64_t bytes);
	void *ctx;
};
/*
 * Take in what was checked, and is good: one accession, whose event has the archive it came from and the
 * number of the export. Each file of the payload becomes an item at its path below data/, with its record
 * there, and of where it was: archive, item, node, export. The other files become items below
 * export-<number>/. All is read once more, and every file must be what was checked; one is held in memory
 * at a time, and none is written in plain. ERR_EXISTS: this export was taken in before; ERR_DAMAGED: the
 * package is another one by now; codes of package_read(), ingest_begin() and ingest_end(). What is
 * committed when it fails stays, in an accession that was not closed.
 */
int accept_take(const struct accept *a, const struct accept_take_ask *ask, struct ingest_sum *sum,
		struct err *e);

#endif
