/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_docs: the documents that the log says were admitted, by case and by who signed them. Needs no
 * key. The index, where there is one, says where to look; what counts is the line, and the document
 * in documents/ that has the digest of that line.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_DOCS_H
#define CUSTODY_TOOLS_CMD_DOCS_H

#include "fs/authorisation.h"
#include "tools/cmd.h"
#include "tools/cmd_merge.h"

/* An officer: a public key, by its fingerprint. */
struct cmd_officer {
	uint8_t digest[32]; /* SHA-256 of the key, as in the fingerprint */
	char name[SSHKEY_FINGERPRINT_SIZE];
};
/* A public key file with one key, or "SHA256:..." as ssh-keygen -l prints it. ERR_USAGE; codes of
 * ui_keys_read. */
int cmd_officer(struct cmd_officer *out, const char *arg, struct err *e);

/* 0 if some version of archive.txt that is there names the key; ERR_NOTFOUND, and what that may mean. */
int cmd_officer_known(const struct cmd_officer *o, const struct archive *a, struct err *e);

/* Who made signature i of a document; false if it is not good, for a document of any kind. */
bool cmd_doc_signer(const struct document *d, size_t i, struct cmd_officer *out);

/* An item, by what authorisations know it by. */
struct cmd_docs_item {
	uint8_t id[16], commitment[32], accession[16];
};

struct cmd_docs_ask {
	const uint8_t *journal;		   /* admitted by this node; NULL: by any */
	const char *kind;		   /* NULL: of any */
	const char *case_no;		   /* NULL: of any case, or none */
	const struct cmd_officer *officer; /* NULL: whoever signed */
	const struct cmd_docs_item
		*covers; /* authorisations that release it; NULL: all documents */
	int64_t to_ms;	 /* admitted until then */
};
struct cmd_doc {
	const struct cmd_merge_line *line; /* that admits it, `admitted` or `enrolled` */
	const char *kind;
	struct document doc;
	struct authorisation terms; /* of an authorisation; all zero if it does not parse */
};
/* Calls cb for each in order of time, until it returns non-zero, which is returned. A document that is
 * not there, or not the one that was admitted, is told of: it may be one of those that are asked
 * for. */
int cmd_docs_each(const struct cmd_view *v, const struct cmd_docs_ask *ask,
		  struct cmd_notice *notice, int (*cb)(void *ctx, const struct cmd_doc *d),
		  void *ctx, struct err *e);

/* A document's serial, or how it begins (4 digits at least) if documents/ has one such. ERR_USAGE,
 * ERR_NOTFOUND. */
int cmd_find_document(const struct archive *a, const char *arg, uint8_t serial[16], struct err *e);

#endif
