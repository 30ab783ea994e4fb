/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorisation: the text officers sign, its sealed keys, and revocations. See custodyfs-format(5).
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_AUTHORISATION_H
#define CUSTODY_FS_AUTHORISATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/age.h"
#include "crypto/identity.h"
#include "crypto/note.h"
#include "fs/archive.h"
#include "fs/document.h"

#define AUTHORISATION_TEXT_MAX 512 /* bytes of a free text line with its NUL */
#define AUTHORISATION_USERS_MAX 64
#define AUTHORISATION_EXPORTS_MAX 32
#define AUTHORISATION_ITEMS_MAX 300000u /* with their keys they fit into DOCUMENT_MAX */

/* Ids are what nodes call their items: id and commitment together name one. */
struct authorisation_item {
	uint8_t id[16];
	uint8_t commitment[32];
};

struct authorisation {
	uint8_t archive[16], serial[16], request[16], node[16];
	char users[AUTHORISATION_USERS_MAX][33];
	size_t nusers; /* 0: any local user */
	int64_t issued_ms, not_before_ms, not_after_ms;
	char case_no[AUTHORISATION_TEXT_MAX], purpose[AUTHORISATION_TEXT_MAX],
		legal_basis[AUTHORISATION_TEXT_MAX], requested_by[AUTHORISATION_TEXT_MAX];
	struct note_checkpoint *checkpoint; /* owned */
	size_t checkpoints;
	uint64_t max_opens, max_bytes; /* 0: no limit */
	/* Where packages may go (custody export): age recipients, as age writes them; "any": sealed to
	 * whomever; "plain": unsealed. None: nowhere. */
	char export_to[AUTHORISATION_EXPORTS_MAX][AGE_RECIPIENT_TEXT];
	size_t exports;
	struct authorisation_item *item; /* owned */
	size_t items;
	uint8_t (*accession)[16]; /* owned */
	size_t accessions;
};

void authorisation_free(struct authorisation *a);
/* Strict: fixed order, no unknown line, times sane (not-before <= not-after, not-after > issued),
 * at least one item or accession, no duplicates. ERR_MALFORMED names the line. */
int authorisation_parse(struct authorisation *a, const struct document *d, struct err *e);
/* Append the text up to and including the item and accession lines; the caller appends the sealed
 * line. */
void authorisation_text(struct wire_out *out, const struct authorisation *a);
/* May a package go to these recipients, sealed to all of them: words with a space between, as age writes
 * them; "": unsealed? 0; or ERR_NO_EXPORT, which names the first that is not granted. */
int authorisation_may_export(const struct authorisation *a, const char *recipients, struct err *e);

/* Sealed keys: keys[i] belongs to item[i], then to accession[i]; all secret memory of the caller. */
int authorisation_seal(struct wire_out *age_file, const struct authorisation *a,
		       const uint8_t (*item_keys)[32], const uint8_t (*accession_keys)[32],
		       const uint8_t recipient[32]);
/* Gives each id and key to cb (key is wiped after the call), with the commitment of an item, NULL for
 * an accession. Ids must be those of the text, in its order. ERR_KEY, ERR_DAMAGED, ERR_MALFORMED. */
int authorisation_open(const struct authorisation *a, const struct document *d,
		       const struct identity *id,
		       int (*cb)(void *ctx, const uint8_t id[16], const uint8_t *commitment,
				 const uint8_t key[32]),
		       void *ctx, struct err *e);

struct authorisation_revocation {
	uint8_t archive[16], serial[16];
	int64_t issued_ms;
	enum { REVOKE_AUTHORISATION = 1, REVOKE_NODE, REVOKE_KEY } what;
	uint8_t target[16]; /* authorisation serial or node id */
	struct sshkey key;
	char reason[AUTHORISATION_TEXT_MAX];
};
int authorisation_revocation_parse(struct authorisation_revocation *r, const struct document *d,
				   struct err *e);
void authorisation_revocation_text(struct wire_out *out, const struct authorisation_revocation *r);

#endif
