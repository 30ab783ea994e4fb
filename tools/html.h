/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html: text that others wrote, put into a page. File names, plates and purposes are untrusted: what
 * has a meaning in HTML is escaped, and what a reader would not see, or would see as something else,
 * is shown as its bytes: control characters, bytes that are not UTF-8, characters that turn the
 * direction of writing or have no width. Each such byte stands as \xNN in an element of its own,
 * <b class="x">, so that it differs from a name that has a backslash.
 *
 * A buffer that can't grow turns bad; see crypto/wire. Thread rule: pure.
 */
#ifndef CUSTODY_TOOLS_HTML_H
#define CUSTODY_TOOLS_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/wire.h"

/* n bytes as text of an element. Not for attributes. */
void html_text(struct wire_out *out, const void *p, size_t n);
/* The same of a string. */
void html_put(struct wire_out *out, const char *z);
/* In a <bdi> of its own, so that its writing direction ends where it does. */
void html_name(struct wire_out *out, const void *p, size_t n);
/* <code>, lower-case hex digits of n bytes (64 at most). */
void html_hex(struct wire_out *out, const void *p, size_t n);
/* A <time>, in UTC with milliseconds. */
void html_time(struct wire_out *out, int64_t ms);

#endif
