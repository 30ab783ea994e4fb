/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node: one host's private state directory: its key file, and for each archive the pinned
 * archive.txt, its sealed state (role, catalogue secret), its pins (how far each journal was seen)
 * and the place of its index. Directory mode 0700, files 0600; other modes or owners are refused.
 *
 * Thread rule: node_pins_* take the node's own lock; the rest is for one thread.
 */
#ifndef CUSTODY_FS_NODE_H
#define CUSTODY_FS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "fs/archive.h"
#include "fs/keydir.h"

typedef keydir_passphrase node_passphrase;

struct node;

/* Directory: `given` (may be NULL), $CUSTODY_NODE, for root /var/lib/custodyfs, else custodyfs in
 * $XDG_CONFIG_HOME or ~/.config. ERR_USAGE if it does not fit or there is no home. */
int node_default_dir(char *out, size_t cap, const char *given, struct err *e);
/* Make the directory (and those above it) and a node.key if there is none, then open it. pass NULL:
 * raw key. Codes as node_open. */
int node_create(struct node **out, const char *dir, struct secret_pool *pool, node_passphrase *pass,
		void *ctx, struct err *e);
/* Open and unlock. pass is asked only if the key file needs it; NULL then gives ERR_PASSPHRASE. What
 * pass returns when it fails is returned. ERR_KEY: no key there, or others could read it. The pool
 * must outlive the node. */
int node_open(struct node **out, const char *dir, struct secret_pool *pool, node_passphrase *pass,
	      void *ctx, struct err *e);
void node_close(struct node *n);
const struct identity *node_identity(const struct node *n);
const char *node_dir(const struct node *n); /* absolute path */
int node_dirfd(const struct node *n);	    /* borrowed */
struct secret_pool *node_pool(const struct node *n);

/* This node's standing in one archive. */
struct node_archive {
	uint8_t archive_id[16];
	unsigned roles;	       /* 0: requested, not yet enrolled */
	uint8_t enrolment[16]; /* serial */
	uint8_t *catalogue;    /* 32 secret bytes, or NULL */
	int dir;	       /* descriptor of archives/<id> */
	char *index_dir;       /* absolute path for index/db; not made here */
	int64_t restored_ms;   /* when the latest restore was accepted, INT64_MIN if none was */
	uint32_t version;      /* of archive.txt, when it was opened */
	struct node *node;     /* back */
};
/* First contact: pin archive.txt. If there is a pin already it must agree: the same bytes, or a later
 * version that every version since the pin (documents/<archive id>.archive-<version>) leads to by
 * signatures. ERR_FOREIGN otherwise, ERR_ROLLBACK for an older version. */
int node_archive_pin(struct node *n, const struct archive *a, struct err *e);
/* ERR_NOT_ENROLLED when the archive was never pinned here. Checks a's archive.txt against the pin. */
int node_archive_open(struct node_archive **out, struct node *n, const struct archive *a,
		      struct err *e);
/* Compare with an archive.txt that is there now; codes as node_archive_pin(). */
int node_archive_check(struct node_archive *na, const struct archive *a, struct err *e);
/* Take one version for the pin after the other, up to the archive's. step is told of each before it
 * is pinned, with the SHA-256 of the whole file; what it returns other than 0 ends it. Those that are
 * superseded stay beside the pin. Codes as node_archive_pin(). */
typedef int node_archive_step(void *ctx, uint32_t version, const uint8_t digest[32], struct err *e);
int node_archive_follow(struct node_archive *na, const struct archive *a, node_archive_step *step,
			void *ctx, struct err *e);
/* Keep role, enrolment serial and catalogue secret (may be NULL). */
int node_archive_enrol(struct node_archive *na, unsigned roles, const uint8_t serial[16],
		       const uint8_t catalogue[32], struct err *e);
void node_archive_close(struct node_archive *na);

/* Pins: the highest verified size and root of each journal, kept outside the index, and the last
 * checkpoint that its node signed of it, which convicts a node that signs another log later. */
#define NODE_NOTE_MAX 1024
struct node_pin {
	uint8_t node[16];
	uint64_t size;
	uint64_t bytes;
	merkle_hash root;
	char note[NODE_NOTE_MAX]; /* a signed note; of `size` lines, but for a moment */
	size_t note_n;		  /* 0: none was seen */
};
/* Keep of a checkpoint what its node signed; name is the key's. Nothing if that does not fit. */
void node_pin_note(struct node_pin *p, struct text_span note, const char *name);
/* ERR_DAMAGED if the file is not what this node wrote; none yet is an empty list. Caller frees. */
int node_pins_load(struct node_archive *na, struct node_pin **list, size_t *n, struct err *e);
/* Merge: a pin only ever grows. Another root at the same size is ERR_ROLLBACK. A pin without a note
 * leaves the one that is there. Atomic, durable. */
int node_pins_save(struct node_archive *na, const struct node_pin *list, size_t n, struct err *e);
/* The one exception, see fs/restore: put these in the place of what was pinned, and remember the
 * serial of what allows it, and when that was issued. ERR_REPLAYED if it was used before. */
int node_pins_restore(struct node_archive *na, const struct node_pin *list, size_t n,
		      const uint8_t serial[16], int64_t issued_ms, struct err *e);
/* For node_archive_open(): set na->restored_ms. */
int node_pins_restored_ms(struct node_archive *na, struct err *e);
/* 1 if that serial was used, 0 if not, or a negative code. */
int node_pins_restored(struct node_archive *na, const uint8_t serial[16], struct err *e);

/* Revocations that were seen to count, kept outside the index too: who takes one away from
 * documents/ must not get back what it ended, though the index is lost as well. */
struct node_known {
	uint8_t serial[16];
	uint8_t digest[32]; /* of the whole document */
};
/* As node_pins_load(). */
int node_known_load(struct node_archive *na, struct node_known **list, size_t *n, struct err *e);
/* Add those that are not there. Atomic, durable. */
int node_known_save(struct node_archive *na, const struct node_known *list, size_t n,
		    struct err *e);

#endif
