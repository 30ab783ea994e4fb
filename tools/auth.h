/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: the verbs of custody-authority, one file auth_<verb>.c each, and what they share.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_AUTH_H
#define CUSTODY_TOOLS_AUTH_H

#include "fs/authority.h"
#include "tools/ui.h"
#include "tools/verb.h"

/* argv[0] is the verb's full name; the exit code is returned. */
int auth_init(struct ui *ui, int argc, char **argv);
int auth_create_archive(struct ui *ui, int argc, char **argv);
int auth_enrol(struct ui *ui, int argc, char **argv);
int auth_review(struct ui *ui, int argc, char **argv);
int auth_authorise(struct ui *ui, int argc, char **argv);
int auth_sign(struct ui *ui, int argc, char **argv);
int auth_revoke(struct ui *ui, int argc, char **argv);
int auth_witness(struct ui *ui, int argc, char **argv);
int auth_rotate(struct ui *ui, int argc, char **argv);
int auth_accept_restore(struct ui *ui, int argc, char **argv);
int auth_show(struct ui *ui, int argc, char **argv);
int auth_backup(struct ui *ui, int argc, char **argv);
int auth_restore(struct ui *ui, int argc, char **argv);

/* An authority's directory, opened. Zero-initialise it. */
struct auth {
	const char *dir;
	struct secret_pool *pool;
	struct authority *a;
};
#define AUTH_POOL 65536 /* bytes of locked memory that all verbs need */
/* With its secrets: a passphrase may be asked for. */
int auth_open(struct auth *au, struct ui *ui, const char *dir, bool secrets, size_t pool,
	      struct err *e);
void auth_close(struct auth *au);
/* A node that was enrolled here. ERR_NOT_ENROLLED, ERR_WRONG_ARCHIVE, ... */
int auth_find_node(struct auth *au, const uint8_t archive[16], const uint8_t node[16],
		   struct roster_node *out, struct err *e);
/* Calls cb for each name in <dir>/archives/<archive>/<sub>, sorted (archive and sub NULL: for each
 * archive), until it returns non-zero, which is returned. None is fine. */
int auth_each(struct auth *au, const uint8_t *archive, const char *sub,
	      int (*cb)(void *ctx, const char *name), void *ctx, struct err *e);

/* The one archive that was made here. ERR_USAGE if there are more, or none. */
int auth_only_archive(struct auth *au, uint8_t archive[16], struct err *e);

/* Read and split a document. ERR_NOTFOUND, codes of document_parse. */
int auth_read(struct document *d, const char *path, struct err *e);
/* Have each of the keys sign, then check all signatures. *have is how many officers have signed. */
int auth_sign_with(struct document *d, const char *namespace, const struct verb_list *keys,
		   const struct archive_desc *desc, unsigned *have, struct err *e);
/* Say how many signatures there are, and what to do about those that are missing. */
void auth_tell_missing(const struct ui *ui, const char *dir, const char *path, unsigned have,
		       unsigned need);
/* auth_ask.c: a request, read and checked; what of it is shown. Zero-initialise it. */
struct auth_ask {
	struct request r;
	struct roster_node node;  /* who asks */
	struct roster_node *from; /* who has each of r.accession */
};
/* Opens au with its secrets, reads and reviews the request in `file`. keys: with locked memory for
 * those of all its items. */
int auth_ask_open(struct auth_ask *ask, struct auth *au, struct ui *ui, const char *dir,
		  const char *file, bool keys, struct err *e);
void auth_ask_free(struct auth_ask *ask);
/* Who asks, for what and why; the lines of auth_field(). */
void auth_ask_print(FILE *f, const struct auth_ask *ask);

/* Where a verb's summary goes: standard error when the document itself goes to standard output. */
FILE *auth_out(const char *output);
/* "text name\n" with the control bytes of name shown. */
void auth_field(FILE *f, const char *what, const char *value);

#endif
