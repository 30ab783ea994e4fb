/* SPDX-License-Identifier: Apache-2.0 */
/* authority_internal: what the files of the authority share. */
#ifndef CUSTODY_FS_AUTHORITY_INTERNAL_H
#define CUSTODY_FS_AUTHORITY_INTERNAL_H

#include "fs/authority.h"

struct authority {
	struct keydir home;
	struct secret_pool *pool; /* borrowed */
	uint8_t *secrets;     /* 32 secret bytes that the .key files are sealed under, or NULL */
	struct wire_out text; /* authority.txt, NUL-terminated */
	struct archive_desc terms; /* keys, threshold, epochs, catalogue, witness */
	/* Each archive.txt that was looked at: descriptions borrow from them. */
	struct document *looked; /* owned */
	size_t nlooked;
};

/* NAME.key: an age secret under the authority's secrets. secret is 32 bytes of secret memory. */
int authority_secret_write(struct authority *a, const char *name, const uint8_t secret[32],
			   struct err *e);
int authority_secret_read(struct authority *a, const char *name, uint8_t secret[32], struct err *e);
/* The witness's key pair that an archive.txt names; sk is 64 bytes of secret memory. ERR_KEY without
 * witness.key, ERR_WRONG_KEY: it names none of ours. */
int authority_witness_key(struct authority *a, const struct archive_desc *d, struct note_key *k,
			  uint8_t sk[64], struct err *e);
/* Make one more; it is only for show if it is not kept. */
int authority_new_witness(struct authority *a, bool keep, struct note_key *k, struct err *e);
/* Check a note that we cosigned, now or with a key of before: *k is that key. Codes of note_verify(). */
int authority_witness_verify(struct authority *a, struct text_span note, struct note_key *k,
			     struct text_span *text, uint64_t *time);
/* Which witness of the description this is; -1: none. */
int authority_witness_names(const struct archive_desc *d, const struct note_key *k);
/* "release-<epoch>" into out (24 bytes). */
void authority_epoch_name(char out[24], uint32_t epoch);

/* Descriptor of archives/<id>/<sub> (sub NULL: archives/<id>), made if `create`. */
int authority_archive_dir(struct authority *a, const uint8_t archive[16], const char *sub,
			  bool create, struct err *e);

/* Replace authority.txt by a->terms. */
int authority_write_text(struct authority *a, struct err *e);

/* A node's latest enrolment that was signed here. Codes only. */
int authority_find_node(struct authority *a, const uint8_t archive[16], const uint8_t node[16],
			struct roster_node *out);
/* Compare a log with what was seen of it before; dir is seen/. ERR_ROLLBACK if it is another. If no
 * more of it is shown than was seen, *cp becomes what was seen, and *newer false. */
int authority_check_seen(int dir, struct note_checkpoint *cp, bool *newer, struct err *e);
/* Remember a signed checkpoint, whose text says cp. */
int authority_keep_seen(int dir, const struct note_checkpoint *cp, struct text_span note,
			struct err *e);

/* The node that asks: ERR_NOT_ENROLLED, ERR_ROLE, ERR_REVOKED, and ERR_EXPIRED unless now_ms is 0. */
int authority_requester(struct authority *a, const struct request *r, struct roster_node *n,
			int64_t now_ms, struct err *e);

/* Was the node revoked here, at n->issued_ms or later, and before before_ms? */
int authority_node_revoked(struct authority *a, const uint8_t archive[16],
			   const struct roster_node *n, int64_t before_ms, bool *yes,
			   struct err *e);
#endif
