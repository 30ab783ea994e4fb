/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/restore.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/form.h"
#include "index/journal.h"

#define LOGS_MAX 4096u
#define REVOCATIONS_MAX 4096u

void restore_free(struct restore *r)
{
	free(r->log);
	free(r->revocation);
	*r = (struct restore){.logs = 0};
}

static void put_checkpoint(struct wire_out *out, const char *key, const struct note_checkpoint *c)
{
	char root[48];

	text_base64(root, c->root, sizeof(c->root));
	wire_out_printf(out, "%s: %s %" PRIu64 " %s\n", key, c->origin, c->size, root);
}

void restore_text(struct wire_out *out, const struct restore *r)
{
	char a[33], s[33], n[33], hash[65], time[TEXT_TIME_SIZE];

	text_hex(a, r->archive, 16);
	text_hex(s, r->serial, 16);
	text_hex(n, r->node, 16);
	text_time_s(time, r->issued_ms / 1000);
	wire_out_printf(out, RESTORE_TITLE "\narchive: %s\nserial: %s\nnode: %s\nissued: %s\n", a,
			s, n, time);
	for (size_t i = 0; i < r->logs; i++) {
		put_checkpoint(out, "pinned", &r->log[i].pinned);
		put_checkpoint(out, "accepted", &r->log[i].accepted);
	}
	for (size_t i = 0; i < r->revocations; i++) {
		text_hex(s, r->revocation[i].serial, 16);
		text_hex(hash, r->revocation[i].text, 32);
		wire_out_printf(out, "revocation: %s %s\n", s, hash);
	}
	wire_out_printf(out, "reason: %s\n", r->reason);
}

/* ---- reading ---- */

/* The node whose log it is, by its origin. */
static void origin_node(struct form *f, const uint8_t archive[16], const char *origin,
			uint8_t node[16])
{
	const char *last = strrchr(origin, '/');
	char want[NOTE_NAME_MAX];

	if (last && text_unhex((struct text_span){last + 1, strlen(last + 1)}, node, 16)) {
		journal_origin(want, archive, node);
		if (strcmp(want, origin) == 0)
			return;
	}
	form_fail(f, ERR_MALFORMED, "a checkpoint is of no log of this archive");
}

static void take_logs(struct form *f, struct restore *r)
{
	do {
		struct restore_log *l;

		if (!form_room(f, (void **)&r->log, r->logs, LOGS_MAX, sizeof(*r->log)))
			return;
		l = &r->log[r->logs++];
		*l = (struct restore_log){.node = {0}};
		form_checkpoint(f, "pinned", &l->pinned);
		form_checkpoint(f, "accepted", &l->accepted);
		if (strcmp(l->pinned.origin, l->accepted.origin) != 0)
			form_fail(f, ERR_MALFORMED, "'accepted' is of another log than 'pinned'");
		origin_node(f, r->archive, l->pinned.origin, l->node);
	} while (form_next(f, "pinned"));
	if (!f->rc && !form_distinct(r->log, r->logs, sizeof(*r->log), 16))
		form_fail(f, ERR_MALFORMED, "a log is named twice");
}

static void take_revocations(struct form *f, struct restore *r)
{
	struct restore_revocation *v;
	struct text_span line, serial, hash;

	while (form_next(f, "revocation")) {
		if (!form_room(f, (void **)&r->revocation, r->revocations, REVOCATIONS_MAX,
			       sizeof(*r->revocation)))
			return;
		v = &r->revocation[r->revocations++];
		form_span(f, "revocation", &line);
		if (!text_word(&line, &serial) || !text_word(&line, &hash) || line.n > 0 ||
		    !text_unhex(serial, v->serial, 16) || !text_unhex(hash, v->text, 32))
			form_fail(f, ERR_MALFORMED, "'revocation' must be a serial and a hash");
	}
	if (!f->rc && !form_distinct(r->revocation, r->revocations, sizeof(*r->revocation), 16))
		form_fail(f, ERR_MALFORMED, "a revocation is named twice");
}

int restore_parse(struct restore *r, const struct document *d, struct err *e)
{
	struct form f = form_begin(d->text, RESTORE_TITLE, e);
	int rc;

	*r = (struct restore){.logs = 0};
	form_id(&f, "archive", r->archive);
	form_id(&f, "serial", r->serial);
	form_id(&f, "node", r->node);
	form_time(&f, "issued", &r->issued_ms);
	take_logs(&f, r);
	take_revocations(&f, r);
	form_text(&f, "reason", r->reason, sizeof(r->reason));
	rc = form_end(&f);
	if (rc)
		restore_free(r);
	return rc;
}
