/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster: who is enrolled in an archive: enrolment requests, enrolment documents, and the set of all
 * nodes whose enrolment in documents/ bears enough good signatures. An enrolment counts by its
 * signatures alone; a revocation ends it.
 *
 * Thread rule: a loaded roster is read-only; loading is for one thread.
 */
#ifndef CUSTODY_FS_ROSTER_H
#define CUSTODY_FS_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/identity.h"
#include "crypto/note.h"
#include "fs/archive.h"

#define ROSTER_INGEST 1u
#define ROSTER_READER 2u
#define ROSTER_NAME_MAX 128

struct roster_node {
	struct identity_public pub;
	unsigned roles;
	char name[ROSTER_NAME_MAX];
	uint8_t serial[16]; /* of its enrolment */
	int64_t issued_ms;
	int64_t not_after_ms; /* 0: none */
	bool revoked;
	/* It goes on in the place of a node that was lost: whose log that is, and how far it went.
	 * replaces.origin is empty if it does not. */
	uint8_t replaced[16];
	struct note_checkpoint replaces;
};

struct roster;
/* Loads every documents/<serial>.enrolment and .revocation. Documents that do not verify are left
 * out; *bad (may be NULL) counts them. Of several enrolments of a node the latest counts; it is
 * revoked if a revocation of the node was issued no earlier. */
int roster_load(struct roster **out, const struct archive *a, unsigned *bad, struct err *e);
void roster_free(struct roster *r);
/* Part of loading: a revocation that a log vouches for, by the digest of its document, counts even
 * if the archive's keys have changed since and no longer bear its signatures. ERR_DAMAGED if
 * documents/ does not have it any more, or another under this serial; ERR_NOMEM. */
int roster_vouch(struct roster *r, const struct archive *a, const uint8_t serial[16],
		 const uint8_t digest[32]);
/* Part of loading: what an earlier roster of the same process knew still counts, whatever was taken
 * out of documents/ since. ERR_NOMEM. */
int roster_carry(struct roster *r, const struct roster *old);
const struct roster_node *roster_find(const struct roster *r, const uint8_t node[16]);
/* The node that took the place of this one, NULL if none did; of several the last to be enrolled. */
const struct roster_node *roster_replacement(const struct roster *r, const uint8_t node[16]);
size_t roster_count(const struct roster *r);
const struct roster_node *roster_at(const struct roster *r, size_t i);
/* True if the node was revoked at issued_ms or later: an enrolment or authorisation that was issued
 * then is over for ever, also when a later enrolment lets the node work again. Times are those of
 * the authority, which issues all of these. */
bool roster_node_revoked(const struct roster *r, const uint8_t node[16], int64_t issued_ms);
/* True if an authorisation key was revoked: no new document counts by its signature. */
bool roster_key_revoked(const struct roster *r, const struct sshkey *k);
/* Call cb for each revocation of this key, until it returns non-zero, which is returned. */
int roster_key_revocations(const struct roster *r, const struct sshkey *k,
			   int (*cb)(void *ctx, const uint8_t serial[16], const uint8_t digest[32]),
			   void *ctx);
/* True if the authorisation of this serial was revoked. */
bool roster_serial_revoked(const struct roster *r, const uint8_t serial[16]);

/* "ingest", "reader", "ingest,reader" <-> bits; 0 if malformed. */
unsigned roster_roles_parse(struct text_span s);
const char *roster_roles_text(unsigned roles);

/* An enrolment request: what a node says of itself, signed with its own key. replaces: the log that it
 * wants to go on for; NULL for none. */
int roster_request_make(struct wire_out *out, const uint8_t archive_id[16],
			const struct identity *id, const char *name, unsigned roles, int64_t now_ms,
			const struct note_checkpoint *replaces, struct err *e);
/* Checks its signature and that the node id is that of its keys. Fills pub, name, roles, issued.
 * ERR_FOREIGN, ERR_NEWER, ERR_MALFORMED, ERR_FORGED. */
int roster_request_parse(struct roster_node *out, uint8_t archive_id[16], const void *p, size_t n,
			 struct err *e);

/* An enrolment (unsigned) of n: pub, roles, name, issued_ms, not_after_ms. catalogue_secret is the
 * identity that a reader is given, sealed to it, and NULL for a node that only ingests: anything
 * else is ERR_USAGE. */
int roster_enrolment_make(struct document *out, const uint8_t archive_id[16],
			  const uint8_t serial[16], const struct roster_node *n,
			  const uint8_t catalogue_secret[32], struct err *e);
/* Form, archive, node id of its keys, signatures; a reader has a sealed part, others have none.
 * ERR_FOREIGN, ERR_NEWER, ERR_MALFORMED, ERR_WRONG_ARCHIVE and the codes of document_check. */
int roster_enrolment_parse(struct roster_node *out, const struct document *d,
			   const struct archive_desc *desc, struct err *e);
/* The catalogue identity a reader's enrolment carries. secret is 32 bytes of secret memory. ERR_ROLE
 * if it carries none, ERR_KEY if it is not sealed to id, ERR_DAMAGED. */
int roster_enrolment_open(uint8_t secret[32], const struct document *d, const struct identity *id,
			  struct err *e);

#endif
