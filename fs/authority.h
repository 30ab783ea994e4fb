/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority: the authority's own directory: release and catalogue identities under a master secret,
 * the archives it made, the nodes it enrolled, what it issued. Mode 0700. Without it nobody can
 * ever release anything.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_AUTHORITY_H
#define CUSTODY_FS_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/archive.h"
#include "fs/authorisation.h"
#include "fs/evidence.h"
#include "fs/node.h"
#include "fs/request.h"
#include "fs/restore.h"
#include "fs/roster.h"
#include "fs/witness_ask.h"

struct authority;

/* New directory with one release epoch (1, class "default"). keys are parsed public keys. */
int authority_create(struct authority **out, const char *dir, struct secret_pool *pool,
		     const struct sshkey *keys, size_t nkeys, unsigned threshold,
		     bool require_touch, bool require_pin, int64_t now_ms, node_passphrase *pass,
		     void *ctx, struct err *e);
/* secrets false: public parts only, no passphrase is asked. */
int authority_open(struct authority **out, const char *dir, bool secrets, struct secret_pool *pool,
		   node_passphrase *pass, void *ctx, struct err *e);
void authority_close(struct authority *a);
const char *authority_text(const struct authority *a); /* authority.txt, NUL-terminated */

/* Ask for one more field of provenance. ERR_USAGE: it is no field, is asked for already, or one too
 * many. */
int authority_require(struct archive_desc *d, const char *name, struct err *e);
/* A description for a new archive (random id), with all keys and epochs. suite 0: default. */
void authority_describe(const struct authority *a, struct archive_desc *d, int suite,
			uint32_t chunk_size, int64_t now_ms);
/* Remember a signed archive.txt, new or the next version of the one we have (ERR_FOREIGN otherwise);
 * load the one for an id. ERR_WRONG_ARCHIVE if it is not ours. */
int authority_keep_archive(struct authority *a, const struct document *d, struct err *e);
int authority_archive(struct authority *a, const uint8_t id[16], struct archive_desc *d,
		      struct err *e);

/* Answer an enrolment request: an unsigned enrolment; after signing, keep it. who->revoked: the node
 * was revoked here before, which the new enrolment undoes: say so. */
int authority_enrol(struct authority *a, struct document *out, const void *request, size_t n,
		    struct roster_node *who, uint8_t archive_id[16], int64_t now_ms, struct err *e);
int authority_keep_enrolment(struct authority *a, const struct document *d, struct err *e);

/* Parse a request with the nodes we enrolled, and open its records; request_free() in every case.
 * The node that asks must be a reader that was not revoked (ERR_ROLE, ERR_REVOKED); what is shown of
 * a log must be no later than its node's enrolment lasted (ERR_EXPIRED, ERR_REVOKED). A checkpoint
 * beside the one last seen of the same journal is ERR_ROLLBACK; one that is behind it is replaced in
 * *r by the one seen, which the authorisation then asks for; one ahead of it is remembered. Codes of request_parse() and request_open(). */
int authority_review(struct authority *a, struct request *r, const void *p, size_t n,
		     struct err *e);

struct authority_terms {
	const char *users; /* "alice,bob" or NULL */
	int64_t now_ms, not_before_ms, not_after_ms;
	uint64_t max_opens, max_bytes;
	const char *const *export_to; /* age recipients, "any", "plain" */
	size_t exports;
	const char *legal_basis; /* overrides the request's; may be NULL */
};
/* Unsigned authorisation for a reviewed request: unwraps the file keys (or accession content keys)
 * with the release identity and seals them to the node. Checks every key's commitment. ERR_USAGE for
 * terms that can't be written down, ERR_EXPIRED when the node's enrolment has ended, ERR_KEY without
 * the release identity of an epoch. */
int authority_authorise(struct authority *a, struct document *out, const struct request *r,
			const struct authority_terms *terms, uint8_t serial[16], struct err *e);
/* What was cosigned. */
struct authority_cosigned {
	uint8_t archive[16], node[16];
	char name[ROSTER_NAME_MAX]; /* of the node */
	struct note_checkpoint cp;
	char witness[NOTE_NAME_MAX];
	uint64_t time; /* of the cosignature, s since 1970 */
	bool again;    /* the answer is the one that was given before */
};
/* Answer an ask as a witness: append the checkpoint with the node's signature and our cosignature. What
 * is answered is durable in our directory first. An ask that shows no more than was cosigned last, but
 * begins before that, gets the same answer again; one that begins there, a fresh cosignature. Of other
 * asks nothing is remembered: ERR_FORGED: not signed by the enrolled node; ERR_ROLLBACK: the log was
 * turned back or forked; ERR_REPLAYED: answered before, and more since; ERR_CHECKPOINT: it does not
 * begin where we were; ERR_CLOCK: our clock runs behind; ERR_WRONG_KEY: archive.txt does not name us;
 * ERR_FOREIGN, ERR_MALFORMED, ERR_WRONG_ARCHIVE, ERR_NOT_ENROLLED; ERR_DAMAGED: our own directory. */
int authority_cosign(struct authority *a, struct wire_out *out, const struct witness_ask *ask,
		     int64_t now_ms, struct authority_cosigned *r, struct err *e);
/* ERR_REVOKED if a key has signed that was revoked here, by another document than this, and the
 * other signatures do not suffice without; codes of document_check(). kind as in document_store().
 * Fewer signatures than must are fine, and none at all. */
int authority_check_signers(struct authority *a, const struct document *d,
			    const uint8_t archive[16], const uint8_t serial[16], const char *kind,
			    struct err *e);
/* Keep a copy of what was issued. ERR_REVOKED if it needs the signature of a key that was revoked
 * here; the same for enrolments. */
int authority_keep_issued(struct authority *a, const struct document *d, const uint8_t archive[16],
			  const uint8_t serial[16], const char *kind, struct err *e);

/* What is to change with the next version of an archive.txt; zeroed: nothing. */
struct authority_change {
	const struct sshkey *add, *remove;
	size_t adds, removes;
	unsigned threshold; /* 0: as it is */
	enum { AUTHORITY_KEEP, AUTHORITY_NO, AUTHORITY_YES } touch, pin;
	const char *const *require, *const *unrequire; /* fields of provenance */
	size_t requires, unrequires;
	const struct note_key *witness; /* more witnesses */
	const char *const *unwitness;	/* names of those who are none any more */
	size_t witnesses, unwitnesses;
	bool new_witness; /* a new key of our own takes the place of ours, if it has one */
	bool dry_run;	  /* and is not kept */
};
/* The next version of the archive.txt we have, unsigned, and what it says. Enrolments and revocations
 * that count now are carried over. ERR_USAGE: a key, witness or field that is there already or is not there, a threshold
 * that can't be met, nothing changed. */
int authority_rotate(struct authority *a, const uint8_t archive[16],
		     const struct authority_change *c, struct archive_desc *next,
		     struct document *out, int64_t now_ms, struct err *e);
/* How many keys of the version we have, and of the document's own, have signed it. Signatures by others
 * are ERR_WRONG_KEY; codes of document_check(). */
int authority_count_rotation(struct authority *a, const struct document *d,
			     struct archive_desc *before, struct archive_desc *next,
			     unsigned *have_before, unsigned *have_next, struct err *e);
/* Enough of both have signed it: keep it, and let archives that are made from now on have its keys. */
int authority_keep_rotation(struct authority *a, const struct document *d, struct err *e);

/* Read a node's evidence, with the nodes that were enrolled here. Codes of evidence_parse(). */
int authority_read_evidence(struct authority *a, struct evidence *v, const void *p, size_t n,
			    struct err *e);
/* Unsigned acceptance, for the node that shows the evidence, of the archive as it is there; all
 * revocations that were issued here go with it. */
int authority_restore(struct authority *a, struct document *out, const struct evidence *v,
		      const char *reason, uint8_t serial[16], int64_t now_ms, struct err *e);
/* Keep it, with its evidence, while it is being signed. */
int authority_keep_restore(struct authority *a, const struct document *d, const uint8_t archive[16],
			   const uint8_t serial[16], const struct evidence *v, struct err *e);
/* Enough have signed it: keep it, and take the logs that are accepted for those last seen. */
int authority_accept_restore(struct authority *a, const struct document *d,
			     const uint8_t archive[16], const uint8_t serial[16], struct err *e);

#endif
