/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of fs/accept share.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_ACCEPT_INTERNAL_H
#define CUSTODY_FS_ACCEPT_INTERNAL_H

#include "crypto/hash.h"
#include "fs/accept.h"

/* Tag files that are looked into; all others are only hashed. */
enum accept_tag {
	ACCEPT_BAGIT,
	ACCEPT_INFO,
	ACCEPT_MANIFEST,
	ACCEPT_TAGMANIFEST,
	ACCEPT_SHEET,
	ACCEPT_AUTHORISATION,
	ACCEPT_ARCHIVE,
	ACCEPT_TAGS
};
extern const char *const accept_tag_path[ACCEPT_TAGS];

struct accept_run {
	struct accept *a;
	const struct accept_ask *ask;
	struct wire_out tag[ACCEPT_TAGS];
	bool has[ACCEPT_TAGS];
	/* the file at hand */
	char path[BAGLIST_PATH_MAX + 1];
	uint64_t size;
	struct hash_ctx hash;
	struct wire_out *keep; /* where its bytes are kept, or NULL */
	struct wire_out receipt;
	bool is_receipt;
	/* What all receipts must agree about, from the first. */
	uint8_t export[16]; /* the sheet comes later: the number is that of the first receipt's */
	bool has_export;
	struct wire_out exported; /* the line */
	struct event event;	  /* what it says */
	uint8_t authorisation[32], description[32];
	struct identity_public who; /* the node that exported */
	bool known;		    /* the four above */
};

/* One more finding. Returns 0, or ERR_NOMEM. */
__attribute__((format(printf, 3, 4))) int accept_tell(struct accept *a, int code, const char *fmt,
						      ...);
/* A whole receipt, r->receipt, of the file r->path. ERR_NOMEM. */
int accept_take_receipt(struct accept_run *r);
int accept_bag(struct accept_run *r);
int accept_judge(struct accept_run *r);

#endif
