/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_sheet: what a node signs of a package: which export it is, under which authorisation, to whom,
 * and which file of the payload is which item. custody/export.txt of a package; see custodyfs-format(5),
 * "Packages".
 *
 * Thread rule: pure; a sheet belongs to one thread.
 */
#ifndef CUSTODY_FS_EXPORT_SHEET_H
#define CUSTODY_FS_EXPORT_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/identity.h"
#include "fs/authorisation.h"

#define EXPORT_SHEET_TITLE "custodyfs-export/v1"
#define EXPORT_SHEET_MAX (512u << 20)
#define EXPORT_RECIPIENTS_MAX 4u /* they fit into one line of a journal */

struct export_item {
	uint8_t item[16], node[16]; /* node: who took it in */
	uint8_t commitment[32], sha256[32];
	uint64_t size;
	char *path; /* owned; below the package, in its payload */
};
struct export_sheet {
	uint8_t export[16], archive[16], node[16], authorisation[16];
	int64_t time_ms; /* of the event, to the second */
	char user[256];	 /* user@host */
	char form[16];
	char recipient[EXPORT_RECIPIENTS_MAX][AGE_RECIPIENT_TEXT];
	size_t recipients;
	uint64_t bytes;
	uint8_t manifest[32];	  /* SHA-256 of the manifest of the payload */
	struct export_item *item; /* owned */
	size_t items;
};
void export_sheet_free(struct export_sheet *s); /* zeroed is fine */
/* All recipients with a space between, as in the journal; "" for none. */
#define EXPORT_RECIPIENTS_TEXT (EXPORT_RECIPIENTS_MAX * AGE_RECIPIENT_TEXT)
void export_sheet_recipients(char out[EXPORT_RECIPIENTS_TEXT], const struct export_sheet *s);

/* Append the sheet, signed by id. ERR_NOMEM. */
int export_sheet_text(struct wire_out *out, const struct export_sheet *s,
		      const struct identity *id);
/* Parse; whose signature it bears is for export_sheet_check(). Strict. ERR_FOREIGN, ERR_NEWER,
 * ERR_MALFORMED; on failure *s is empty. */
int export_sheet_parse(struct export_sheet *s, struct text_span note, struct err *e);
/* Is it signed by the node that it names, of this key? ERR_FORGED. */
int export_sheet_check(const struct export_sheet *s, struct text_span note,
		       const struct identity_public *node, struct err *e);

#endif
