/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/transfer_lines.h"

#include <inttypes.h>
#include <string.h>

#define CHECKPOINTS_MAX 4096u

void transfer_lines_checkpoints(struct form *f, struct note_checkpoint **list, size_t *n)
{
	do {
		struct note_checkpoint *c;

		if (!form_room(f, (void **)list, *n, CHECKPOINTS_MAX, sizeof(**list)))
			return;
		c = &(*list)[*n];
		form_checkpoint(f, "checkpoint", c);
		for (size_t i = 0; i < *n; i++)
			if (strcmp((*list)[i].origin, c->origin) == 0)
				form_fail(f, ERR_MALFORMED, "two checkpoints of one log");
		++*n;
	} while (form_next(f, "checkpoint"));
}

void transfer_lines_segment(struct form *f, struct transfer_segment **list, size_t *n)
{
	struct text_span v, id, bytes;
	struct transfer_segment *s;

	if (!form_room(f, (void **)list, *n, TRANSFER_SEGMENTS_MAX, sizeof(**list)))
		return;
	s = &(*list)[(*n)++];
	*s = (struct transfer_segment){.missing = form_next(f, "missing")};
	if (s->missing) {
		form_id(f, "missing", s->id);
		return;
	}
	form_span(f, "segment", &v);
	if (!f->rc && text_word(&v, &id) && text_word(&v, &bytes) && text_unhex(id, s->id, 16) &&
	    text_u64(bytes, &s->bytes) && text_unhex(v, s->digest, 32))
		return;
	form_fail(f, ERR_MALFORMED, "'segment' must be an id, a length and a SHA-256");
}

void transfer_lines_put_id(struct wire_out *out, const char *key, const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	wire_out_printf(out, "%s: %s\n", key, hex);
}

void transfer_lines_put_time(struct wire_out *out, const char *key, int64_t ms)
{
	char time[TEXT_TIME_SIZE];

	text_time_s(time, ms / 1000);
	wire_out_printf(out, "%s: %s\n", key, time);
}

void transfer_lines_put_checkpoints(struct wire_out *out, const struct note_checkpoint *list,
				    size_t n)
{
	char root[45];

	for (size_t i = 0; i < n; i++) {
		text_base64(root, list[i].root, sizeof(list[i].root));
		wire_out_printf(out, "checkpoint: %s %" PRIu64 " %s\n", list[i].origin,
				list[i].size, root);
	}
}

void transfer_lines_put_segment(struct wire_out *out, const struct transfer_segment *s)
{
	char id[33], digest[65];

	text_hex(id, s->id, 16);
	text_hex(digest, s->digest, 32);
	if (s->missing)
		wire_out_printf(out, "missing: %s\n", id);
	else
		wire_out_printf(out, "segment: %s %" PRIu64 " %s\n", id, s->bytes, digest);
}
