/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern: texts by wildcards: `*` is any characters or none, `?` is one character (of UTF-8), a
 * backslash takes the next byte as it is. ASCII letters match in either case.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_PATTERN_H
#define CUSTODY_INDEX_PATTERN_H

#include <stdbool.h>

#include "crypto/text.h"

enum pattern_how {
	PATTERN_PLAIN,
	PATTERN_EXACT, /* capitals and small letters differ */
	PATTERN_MISREAD, /* what cameras take for one another is the same: 0 and O, 1 and I, 8 and B */
};

/* All of the text is to match. Time is at most the product of the lengths. */
bool pattern_match(const char *pattern, struct text_span text, enum pattern_how how);

#endif
