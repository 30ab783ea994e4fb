/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linewindow: lines of journals by their places, read through a window of the file, for whoever asks
 * for many that lie near each other: those cost no system call.
 *
 * What it gives is what the file had when the window was read. Thread rule: one thread at a time.
 */
#ifndef CUSTODY_INDEX_LINEWINDOW_H
#define CUSTODY_INDEX_LINEWINDOW_H

#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"

struct linewindow;

/* NULL when out of memory. dirfd: the archive's journal/, which stays the caller's. */
struct linewindow *linewindow_new(int dirfd);
void linewindow_free(struct linewindow *w); /* NULL is fine */

/* The line of n bytes at a place, without its LF; it is valid until the next call. ERR_DAMAGED: no line
 * of n bytes is there; else the codes of journal_open_file(). */
int linewindow_get(struct linewindow *w, const uint8_t node[16], uint64_t off, uint32_t n,
		   struct text_span *line, struct err *e);

#endif
