/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document: the one container of everything officers sign: text, SSH signatures, and for some kinds
 * one age file. Byte-exact: what is signed is all bytes before the first signature, and what is
 * stored is all bytes. See custodyfs-format(5), "Signed documents".
 *
 * Thread rule: pure, but for document_sign().
 */
#ifndef CUSTODY_FS_DOCUMENT_H
#define CUSTODY_FS_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/sshkey.h"
#include "crypto/sshsig.h"
#include "crypto/text.h"
#include "crypto/wire.h"

#define DOCUMENT_MAX (64u << 20)
#define DOCUMENT_SIGNATURES_MAX 32

#define DOCUMENT_NS_ARCHIVE "archive@custodyfs"
#define DOCUMENT_NS_ENROL "enrol@custodyfs"
#define DOCUMENT_NS_AUTHORISE "authorise@custodyfs"
#define DOCUMENT_NS_REVOKE "revoke@custodyfs"
#define DOCUMENT_NS_TRANSFER "transfer@custodyfs"
#define DOCUMENT_NS_RESTORE "restore@custodyfs"

struct document {
	struct wire_out bytes;			       /* owned: the whole file */
	struct text_span text;			       /* into bytes: what is signed, ends in LF */
	struct text_span sig[DOCUMENT_SIGNATURES_MAX]; /* each armor */
	size_t sigs;
	struct wire_out sealed; /* owned: the age file, binary; empty if none */
	uint8_t digest[32];	/* SHA-256 of bytes */
};

/* Split and check the form; copies. If the text has a `sealed:` line its digest must match the age
 * file, and there must be one; if not, there must be none. A document may have no signature yet.
 * ERR_FOREIGN (the first line is not one of ours), ERR_MALFORMED, ERR_DAMAGED. On failure *d is
 * empty. */
int document_parse(struct document *d, const void *p, size_t n, struct err *e);
void document_free(struct document *d);
/* The first line, e.g. "custodyfs-authorisation/v1". */
struct text_span document_title(const struct document *d);
/* Value of the one line `key: `; false if absent or repeated. */
bool document_value(const struct document *d, const char *key, struct text_span *v);
/* Value as 16-byte id / time in ms. */
bool document_id(const struct document *d, const char *key, uint8_t id[16]);
bool document_time(const struct document *d, const char *key, int64_t *ms);

struct document_policy {
	const char *namespace;
	const struct sshkey *keys; /* authorisation keys */
	size_t nkeys;
	unsigned threshold;
	bool require_touch, require_pin;
	/* Good signatures by other keys are passed over: archive.txt also bears those of the keys of
	 * the version before. */
	bool others;
	/* Signatures of keys that were revoked, where the document was admitted, don't count. NULL: none
	 * was. */
	bool (*revoked)(void *ctx, const struct sshkey *k);
	void *ctx;
	/* Documents that archive.txt itself carries over from a version before count without a
	 * signature: its lines about them, borrowed. Empty: none. */
	struct text_span carried;
};
/* Is it one of those? */
bool document_carried(const struct document *d, const struct document_policy *p);
/* At least `threshold` distinct keys have signed, and every signature present is good and by one
 * of the keys. Codes as sshsig_verify, ERR_WRONG_KEY, ERR_TOO_FEW (says how many of how many, and
 * when one key signed twice), ERR_REVOKED (it would be enough with a key that was revoked); or the document is carried over, and has no signers then. signers (may be
 * NULL, DOCUMENT_SIGNATURES_MAX long) gets indices
 * into keys, *n their number. */
int document_check(const struct document *d, const struct document_policy *p, unsigned *signers,
		   size_t *n, struct err *e);

/* Does a signature say that it is of this key? It is not verified. */
bool document_names_key(const struct document *d, const struct sshkey *k);

/* Build: text (ends in LF), then the sealed part if sealed_n > 0. The text must bear the matching
 * `sealed:` line (document_sealed_line() appends it). Signatures are added by document_sign. */
void document_sealed_line(struct wire_out *text, const void *sealed, size_t n);
int document_make(struct document *d, const struct wire_out *text, const void *sealed, size_t n,
		  struct err *e);
/* Add one signature by running `ssh-keygen -Y sign -n NAMESPACE -f key_file` (agent and tokens
 * work; the terminal is ssh-keygen's), verify it, and re-assemble d->bytes. A prompt and its
 * complaints go to standard error when that is a terminal; otherwise its last line is in *e. ERR_KEY
 * when it can't sign, ERR_EXISTS when that key has signed already, ERR_SYSTEM without ssh-keygen.
 * One thread at a time: SIGINT and SIGQUIT are ignored meanwhile, as by system(3). */
int document_sign(struct document *d, const char *namespace, const char *key_file, struct err *e);

/* documents/<serial>.<kind> of an archive; dirfd is documents/, kind is of [a-z0-9-]. Storing the
 * same bytes again is fine; other bytes under a serial are ERR_EXISTS. */
int document_store(int dirfd, const uint8_t serial[16], const char *kind, const struct document *d,
		   struct err *e);
int document_load(struct document *d, int dirfd, const uint8_t serial[16], const char *kind,
		  struct err *e);

#endif
