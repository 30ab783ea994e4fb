/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit: `custody import`. Takes a signed document into the archive and the journal, in the order of
 * the design: strict form, archive, node, serial unused, signatures, checkpoint consistent with our
 * logs, time; store the document; journal the admission durably; only then open what is sealed. A
 * refusal is journalled too.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_ADMIT_H
#define CUSTODY_FS_ADMIT_H

#include <stdint.h>

#include "fs/station.h"

struct admit_result {
	const char *kind;   /* of the document, as in its file's name; "archive": static */
	uint8_t serial[16]; /* of an archive.txt: the archive's id */
	uint64_t items, accessions;
	int64_t not_before_ms, not_after_ms;
	unsigned roles; /* enrolment of this node */
	bool mismatch; /* the receipt of a transfer tells that not all arrived as it was released */
	bool already;  /* anything but an authorisation that had been imported before */
	/* A cosignature. */
	uint8_t node[16]; /* whose log it is on */
	uint64_t size;
	int64_t cosigned_ms;
};

/* A signed document, or one cosigned checkpoint. user/uid: who runs the import. Codes: see crypto/err.h, exit 4 for forged, 7 for refused. */
int admit_document(struct station *s, const void *p, size_t n, uint32_t uid, const char *user,
		   struct admit_result *r, struct err *e);

#endif
