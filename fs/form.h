/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form: the strict reader of the `key: value` lines that documents, requests and archive.txt are
 * made of. Lines are asked for in their fixed order; the first one that is not as asked is named in
 * the error, and from then on everything reads as empty, so a parser reads all its fields and looks
 * at form_end() once.
 *
 * Thread rule: pure; a form belongs to one thread.
 */
#ifndef CUSTODY_FS_FORM_H
#define CUSTODY_FS_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/note.h"
#include "crypto/text.h"

struct form {
	struct text_in in;
	const char *title;
	int rc; /* 0, or what was wrong first */
	struct err *e;
};

/* Begin to read text whose first line must be `title`, e.g. "custodyfs-archive/v1". Another version
 * of it is ERR_NEWER, anything else ERR_FOREIGN. text and title are borrowed. */
struct form form_begin(struct text_span text, const char *title, struct err *e);
/* True if nothing was wrong so far and the next line is `key: ...`. */
bool form_next(const struct form *f, const char *key);

/* Take the line `key: value`. On failure the form turns bad and the value is zero or empty. */
void form_span(struct form *f, const char *key, struct text_span *v); /* borrowed, not empty */
void form_text(struct form *f, const char *key, char *out, size_t cap);
void form_id(struct form *f, const char *key, uint8_t id[16]);	   /* 32 hex digits */
void form_hash(struct form *f, const char *key, uint8_t hash[32]); /* 64 hex digits */
void form_time(struct form *f, const char *key, int64_t *ms);	   /* whole seconds, Z */
void form_u64(struct form *f, const char *key, uint64_t *v);
void form_yes(struct form *f, const char *key, bool *v); /* "yes" or "no" */
/* `key: <origin> <size> <base64 root>` */
void form_checkpoint(struct form *f, const char *key, struct note_checkpoint *c);

/* Room for one more in a list of n elements of `size` bytes that grows by doubling from NULL. False,
 * and the form is bad, when there are `max` already or no memory. */
bool form_room(struct form *f, void **list, size_t n, size_t max, size_t size);
/* True if the first `len` bytes of n elements of `size` bytes are all different. */
bool form_distinct(const void *list, size_t n, size_t size, size_t len);

/* Turn the form bad because of the line last taken. The first call counts. */
__attribute__((format(printf, 3, 4))) void form_fail(struct form *f, int code, const char *fmt,
						     ...);
/* 0, or the first error: ERR_MALFORMED as a rule. Lines that are left over are an error. */
int form_end(struct form *f);

#endif
