/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/armor.h"

#include <string.h>

#define LINE_BYTES (ARMOR_COLUMNS / 4 * 3)

void armor_encode(struct wire_out *out, const char *label, const void *in, size_t n)
{
	const uint8_t *p = in;

	wire_out_printf(out, "-----BEGIN %s-----\n", label);
	while (n > 0) {
		size_t len = n < LINE_BYTES ? n : LINE_BYTES;
		char line[ARMOR_COLUMNS + 1];

		text_base64(line, p, len);
		wire_out_text(out, line);
		wire_out_text(out, "\n");
		p += len;
		n -= len;
	}
	wire_out_printf(out, "-----END %s-----\n", label);
}

/* Next line of *in, without its line end. False at the end. */
static bool next_line(struct text_span *in, struct text_span *line)
{
	const char *lf = in->n ? memchr(in->p, '\n', in->n) : NULL;
	size_t n = lf ? (size_t)(lf - in->p) : in->n;

	if (in->n == 0)
		return false;
	*line = (struct text_span){in->p, n};
	in->p += lf ? n + 1 : n;
	in->n -= lf ? n + 1 : n;
	if (lf && n > 0 && line->p[n - 1] == '\r')
		line->n--;
	return true;
}

/* True if the line is "-----<word> <label>-----". */
static bool is_edge(struct text_span line, const char *word, const char *label)
{
	const size_t w = strlen(word), l = strlen(label);

	return line.n == 5 + w + 1 + l + 5 && memcmp(line.p, "-----", 5) == 0 &&
	       memcmp(line.p + 5, word, w) == 0 && line.p[5 + w] == ' ' &&
	       memcmp(line.p + 5 + w + 1, label, l) == 0 &&
	       memcmp(line.p + line.n - 5, "-----", 5) == 0;
}

/* The base64 of all lines up to the END line, joined. False if they are not as they must be. */
static bool join(struct wire_out *base64, const char *label, unsigned columns, struct text_span in)
{
	const size_t max = columns ? columns : ARMOR_COLUMNS_MAX;
	struct text_span line;
	bool last = false;

	if (!next_line(&in, &line) || !is_edge(line, "BEGIN", label))
		return false;
	while (next_line(&in, &line)) {
		if (is_edge(line, "END", label))
			return in.n == 0;
		if (last || line.n == 0 || line.n > max)
			return false;
		last = columns && line.n < columns;
		wire_out_bytes(base64, line.p, line.n);
	}
	return false;
}

int armor_decode(struct wire_out *out, const char *label, unsigned columns, struct text_span in)
{
	struct wire_out base64 = {0};
	const size_t start = out->n;
	int rc = ERR_MALFORMED;
	uint8_t *to;
	long n;

	if (!join(&base64, label, columns, in))
		goto out;
	to = wire_out_room(out, base64.n / 4 * 3);
	if (!wire_out_ok(&base64) || !to) {
		rc = ERR_NOMEM;
		goto out;
	}
	n = text_unbase64((struct text_span){(const char *)base64.p, base64.n}, to,
			  base64.n / 4 * 3);
	if (n < 0)
		goto out;
	out->n = start + (size_t)n;
	rc = 0;
out:
	if (rc != 0)
		out->n = start;
	wire_out_free(&base64);
	return rc;
}
