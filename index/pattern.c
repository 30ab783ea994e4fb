/* SPDX-License-Identifier: Apache-2.0 */
#include "index/pattern.h"

#include <stdint.h>

static uint8_t folded(char c, enum pattern_how how)
{
	if (c >= 'a' && c <= 'z' && how != PATTERN_EXACT)
		c = (char)(c - 'a' + 'A');
	if (how == PATTERN_MISREAD)
		c = (char)(c == 'O' ? '0' : c == 'I' ? '1' : c == 'B' ? '8' : c);
	return (uint8_t)c;
}

/* One element of the pattern, not a star, against what begins at text[at]: bytes matched; 0: no
 * match. *len is the element's length. */
static size_t one(const char *p, struct text_span text, size_t at, enum pattern_how how,
		  size_t *len)
{
	size_t n;

	*len = 1;
	if (at == text.n)
		return 0;
	if (*p == '?') {
		n = text_utf8(text.p + at, text.n - at);
		return n ? n : 1;
	}
	if (*p == '\\' && p[1]) {
		p++;
		*len = 2;
	}
	return folded(*p, how) == folded(text.p[at], how);
}

bool pattern_match(const char *pattern, struct text_span text, enum pattern_how how)
{
	const char *p = pattern, *star = NULL;
	size_t at = 0, back = 0, n, len;

	/* What the last star stands for grows until the rest fits: no earlier star need grow then. */
	while (*p || at < text.n) {
		if (*p == '*') {
			star = ++p;
			back = at;
		} else if (*p && (n = one(p, text, at, how, &len)) > 0) {
			p += len;
			at += n;
		} else if (star && back < text.n) {
			p = star;
			n = text_utf8(text.p + back, text.n - back);
			back += n ? n : 1;
			at = back;
		} else {
			return false;
		}
	}
	return true;
}
