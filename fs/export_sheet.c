/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/export_sheet.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/note.h"
#include "fs/baglist.h"
#include "fs/form.h"
#include "index/journal.h"

void export_sheet_free(struct export_sheet *s)
{
	for (size_t i = 0; i < s->items; i++)
		free(s->item[i].path);
	free(s->item);
	*s = (struct export_sheet){0};
}

void export_sheet_recipients(char out[EXPORT_RECIPIENTS_TEXT], const struct export_sheet *s)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < s->recipients; i++) {
		const size_t len = strlen(s->recipient[i]);

		if (i)
			out[n++] = ' ';
		memcpy(out + n, s->recipient[i], len + 1);
		n += len;
	}
}

/* ---- paths: in a line of text no control character may stand ---- */

static void put_path(struct wire_out *out, const char *path)
{
	for (const char *p = path; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == '\x7f' || *p == '%')
			wire_out_printf(out, "%%%02X", (unsigned)(unsigned char)*p);
		else
			wire_out_u8(out, (uint8_t)*p);
	}
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A new string; NULL if that is no path of a payload, or not in its one form, or for want of memory. */
static char *take_path(struct text_span s)
{
	char *path = malloc(s.n + 1);
	size_t n = 0;

	for (size_t i = 0; path && i < s.n; i++, n++) {
		path[n] = s.p[i];
		if (s.p[i] != '%')
			continue;
		if (s.n - i < 3 || digit(s.p[i + 1]) < 0 || digit(s.p[i + 2]) < 0)
			goto bad;
		path[n] = (char)(digit(s.p[i + 1]) * 16 + digit(s.p[i + 2]));
		if ((unsigned char)path[n] >= ' ' && path[n] != '\x7f' && path[n] != '%')
			goto bad;
		i += 2;
	}
	if (path && baglist_path_ok(path, n) && n > sizeof(BAGLIST_PAYLOAD) - 1 &&
	    memcmp(path, BAGLIST_PAYLOAD, sizeof(BAGLIST_PAYLOAD) - 1) == 0) {
		path[n] = '\0';
		return path;
	}
bad:
	free(path);
	return NULL;
}

/* ---- writing ---- */

static void put_id(struct wire_out *out, const char *key, const uint8_t *id, size_t n)
{
	char hex[65];

	text_hex(hex, id, n);
	wire_out_printf(out, "%s: %s\n", key, hex);
}

static void put_item(struct wire_out *out, const struct export_item *it)
{
	char item[33], node[33], commitment[65], sha256[65];

	text_hex(item, it->item, sizeof(it->item));
	text_hex(node, it->node, sizeof(it->node));
	text_hex(commitment, it->commitment, sizeof(it->commitment));
	text_hex(sha256, it->sha256, sizeof(it->sha256));
	wire_out_printf(out, "item: %s %s %s %s %" PRIu64 " ", item, node, commitment, sha256,
			it->size);
	put_path(out, it->path);
	wire_out_u8(out, '\n');
}

static void put_text(struct wire_out *out, const struct export_sheet *s)
{
	char time[TEXT_TIME_SIZE];

	text_time_s(time, s->time_ms / 1000);
	wire_out_text(out, EXPORT_SHEET_TITLE "\n");
	put_id(out, "export", s->export, 16);
	put_id(out, "archive", s->archive, 16);
	put_id(out, "node", s->node, 16);
	put_id(out, "authorisation", s->authorisation, 16);
	wire_out_printf(out, "time: %s\nby: %s\nform: %s\n", time, s->user, s->form);
	for (size_t i = 0; i < s->recipients; i++)
		wire_out_printf(out, "recipient: %s\n", s->recipient[i]);
	wire_out_printf(out, "items: %zu\nbytes: %" PRIu64 "\n", s->items, s->bytes);
	put_id(out, "manifest", s->manifest, 32);
	for (size_t i = 0; i < s->items; i++)
		put_item(out, &s->item[i]);
	wire_out_text(out, "end\n");
}

static void key_of(struct note_key *k, const uint8_t archive[16], const struct identity_public *pub)
{
	*k = (struct note_key){.type = NOTE_ED25519};
	journal_origin(k->name, archive, pub->id);
	memcpy(k->pk, pub->sign, sizeof(k->pk));
}

int export_sheet_text(struct wire_out *out, const struct export_sheet *s, const struct identity *id)
{
	struct wire_out text = {0};
	struct note_key key;
	int rc;

	put_text(&text, s);
	key_of(&key, s->archive, &id->pub);
	rc = wire_out_ok(&text) ? note_sign(out, (char *)text.p, text.n, &key, id->sign) :
				  ERR_NOMEM;
	wire_out_wipe(&text);
	return rc == 0 && !wire_out_ok(out) ? ERR_NOMEM : rc;
}

/* ---- reading ---- */

static bool take_hex(struct text_span *v, uint8_t *out, size_t n)
{
	struct text_span word;

	return text_word(v, &word) && text_unhex(word, out, n);
}

static void take_item(struct form *f, struct export_sheet *s)
{
	struct export_item *it;
	struct text_span v, word;

	if (!form_room(f, (void **)&s->item, s->items, AUTHORISATION_ITEMS_MAX, sizeof(*it)))
		return;
	it = &s->item[s->items];
	*it = (struct export_item){0};
	form_span(f, "item", &v);
	if (take_hex(&v, it->item, 16) && take_hex(&v, it->node, 16) &&
	    take_hex(&v, it->commitment, 32) && take_hex(&v, it->sha256, 32) &&
	    text_word(&v, &word) && text_u64(word, &it->size))
		it->path = take_path(v);
	if (!it->path) {
		form_fail(f, ERR_MALFORMED,
			  "'item' must be two ids, two digests, a size and a path of the payload");
		return;
	}
	s->items++;
}

static void take_recipients(struct form *f, struct export_sheet *s)
{
	while (form_next(f, "recipient")) {
		uint8_t pub[32];
		char *to;

		if (s->recipients == EXPORT_RECIPIENTS_MAX) {
			form_fail(f, ERR_MALFORMED, "too many recipients");
			return;
		}
		to = s->recipient[s->recipients];
		form_text(f, "recipient", to, AGE_RECIPIENT_TEXT);
		if (age_recipient_parse(pub, (struct text_span){to, strlen(to)}) != 0)
			form_fail(f, ERR_MALFORMED, "'recipient' must be an age recipient");
		s->recipients++;
	}
}

static void take_head(struct form *f, struct export_sheet *s)
{
	form_id(f, "export", s->export);
	form_id(f, "archive", s->archive);
	form_id(f, "node", s->node);
	form_id(f, "authorisation", s->authorisation);
	form_time(f, "time", &s->time_ms);
	form_text(f, "by", s->user, sizeof(s->user));
	form_text(f, "form", s->form, sizeof(s->form));
	take_recipients(f, s);
}

int export_sheet_parse(struct export_sheet *s, struct text_span note, struct err *e)
{
	struct text_span text, sigs, v;
	uint64_t items = 0, bytes = 0;
	struct form f;
	int rc = note_split(note, &text, &sigs);

	*s = (struct export_sheet){0};
	if (rc)
		return err_set(e, rc, "the sheet of the export is no signed note");
	f = form_begin(text, EXPORT_SHEET_TITLE, e);
	take_head(&f, s);
	form_u64(&f, "items", &items);
	form_u64(&f, "bytes", &s->bytes);
	form_hash(&f, "manifest", s->manifest);
	while (form_next(&f, "item"))
		take_item(&f, s);
	for (size_t i = 0; i < s->items; i++)
		if (__builtin_add_overflow(bytes, s->item[i].size, &bytes))
			form_fail(&f, ERR_MALFORMED, "the sizes are impossible");
	if (!f.rc && (items != s->items || bytes != s->bytes))
		form_fail(&f, ERR_MALFORMED, "it does not have as many items and bytes as it says");
	if (!f.rc && (!text_line(&f.in, &v) || !text_is(v, "end")))
		form_fail(&f, ERR_MALFORMED, "'end' must stand here");
	rc = form_end(&f);
	if (rc)
		export_sheet_free(s);
	return rc;
}

int export_sheet_check(const struct export_sheet *s, struct text_span note,
		       const struct identity_public *node, struct err *e)
{
	struct note_key key;
	struct text_span text;
	int rc;

	key_of(&key, s->archive, node);
	rc = memcmp(node->id, s->node, 16) == 0 ? note_verify(note, &key, &text, NULL) : ERR_FORGED;
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	return rc ? err_set(e, ERR_FORGED,
			    "the sheet of the export is not signed by the node that it names") :
		    0;
}
