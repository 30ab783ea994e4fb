// SPDX-License-Identifier: Apache-2.0
/* Journal lines for people: time, node, type, and what matters of the rest. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <string.h>

#include "index/event.h"
#include "tools/ui_json.h"

#define SHORT_ID 4 /* bytes that are shown of an id that stands in full elsewhere */

static void put_id(const char *before, const uint8_t *id, size_t n)
{
	char hex[33];

	text_hex(hex, id, n);
	printf("%s%s", before, hex);
}

static void put_text(const char *before, const char *text)
{
	fputs(before, stdout);
	ui_put_name(text, strlen(text));
}

static void put_bytes(const char *before, uint64_t n, const char *after)
{
	char text[16];

	ui_bytes(text, n);
	printf("%s%s%s", before, text, after);
}

static bool given(const uint8_t id[16])
{
	static const uint8_t none[16];

	return memcmp(id, none, 16) != 0;
}

static void put_item(const struct cmd_event *c, const char *before)
{
	if (!given(c->ev->item))
		return;
	if (c->path)
		put_text(before, c->path);
	else
		put_id(before, c->ev->item, 16);
}

static void put_refused(const struct cmd_event *c)
{
	const struct event *ev = c->ev;

	put_text("", ev->what);
	put_item(c, " ");
	if (given(ev->document))
		put_id(" ", ev->document, 16);
	put_text(": ", ev->reason);
	put_text(", ", ev->user);
	if (ev->program[0])
		put_text(" with ", ev->program);
	if (ev->count > 1)
		printf(", %" PRIu64 " times", ev->count);
}

static void put_damaged(const struct cmd_event *c)
{
	const struct event *ev = c->ev;

	put_text("", ev->what);
	put_item(c, ": ");
	if (given(ev->segment))
		put_id(", segment ", ev->segment, 16);
	printf(", bytes %" PRIu64 " to %" PRIu64, ev->offset, ev->offset + ev->length);
}

static void put_repaired(const struct cmd_event *c)
{
	const struct event *ev = c->ev;

	put_text("", ev->what);
	if (given(ev->item))
		put_item(c, ": ");
	if (given(ev->document))
		put_id(" ", ev->document, 16);
	if (given(ev->segment))
		put_id(", segment ", ev->segment, 16);
	printf(", bytes %" PRIu64 " to %" PRIu64, ev->offset, ev->offset + ev->length);
	put_text(", ", ev->user);
}

/* Events of an item. */
static bool put_of_item(const struct cmd_event *c)
{
	const struct event *ev = c->ev;

	switch (ev->type) {
	case EVENT_INGEST:
		put_item(c, "");
		break;
	case EVENT_REFUSED:
		put_refused(c);
		break;
	case EVENT_OPENED:
		put_item(c, "");
		put_text(", ", ev->user);
		put_text(" with ", ev->program);
		put_id(", authorisation ", ev->release, SHORT_ID);
		if (given(ev->export))
			put_id(", export ", ev->export, SHORT_ID);
		break;
	case EVENT_CLOSED:
		put_item(c, "");
		put_bytes(", ", ev->bytes, " read");
		put_id(", authorisation ", ev->release, SHORT_ID);
		break;
	case EVENT_DAMAGED:
		put_damaged(c);
		break;
	case EVENT_REPAIRED:
		put_repaired(c);
		break;
	default:
		return false;
	}
	return true;
}

/* Events of an accession, a segment or a document. */
static bool put_of_document(const struct cmd_event *c)
{
	const struct event *ev = c->ev;

	switch (ev->type) {
	case EVENT_ACCESSION:
		put_id("", ev->accession, 16);
		put_text(", ", ev->user);
		put_text(" at ", ev->host);
		if (given(ev->export))
			put_id(", of export ", ev->export, 16);
		if (given(ev->origin))
			put_id(" from archive ", ev->origin, 16);
		break;
	case EVENT_SEGMENT:
		put_id("", ev->segment, 16);
		break;
	case EVENT_ACCESSION_CLOSED:
		put_id("", ev->accession, 16);
		printf(", %" PRIu64 " item%s", ev->items, ui_s(ev->items));
		put_bytes(", ", ev->bytes, "");
		break;
	case EVENT_ENROLLED:
		put_id("", ev->document, 16);
		put_text(", ", ev->user);
		if (c->heir_of)
			put_text(", in place of ", c->heir_of);
		break;
	case EVENT_REQUESTED:
		put_id("", ev->document, 16);
		printf(", %" PRIu64 " item%s", ev->items, ui_s(ev->items));
		if (ev->accessions)
			printf(", %" PRIu64 " accession%s", ev->accessions, ui_s(ev->accessions));
		put_text(", ", ev->user);
		break;
	case EVENT_ADMITTED:
		put_text("", ev->kind);
		put_id(" ", ev->document, 16);
		if (ev->user[0]) /* nobody, where the node admitted what it found in documents/ */
			put_text(", ", ev->user);
		break;
	case EVENT_RELEASE_ENDED:
		put_id("authorisation ", ev->release, 16);
		put_text(": ", ev->reason);
		break;
	default:
		return false;
	}
	return true;
}

/* Events of an export: what left, and to whom. */
static bool put_of_export(const struct event *ev)
{
	if (ev->type != EVENT_EXPORTED && ev->type != EVENT_EXPORT_CLOSED)
		return false;
	put_id("", ev->export, 16);
	printf(", %" PRIu64 " item%s", ev->items, ui_s(ev->items));
	put_bytes(", ", ev->bytes, "");
	if (ev->type == EVENT_EXPORT_CLOSED) {
		put_text(": ", ev->reason);
	} else {
		put_text(", ", ev->kind);
		if (ev->recipients[0])
			put_text(" to ", ev->recipients);
		put_text(", ", ev->user);
		put_text(" with ", ev->program);
	}
	put_id(", authorisation ", ev->release, SHORT_ID);
	return true;
}

static void put_rest(const struct cmd_event *c)
{
	const struct event *ev = c->ev;

	switch (ev->type) {
	case EVENT_STARTED:
		put_text("version ", ev->version);
		break;
	case EVENT_MOUNTED:
		put_text("", ev->user);
		break;
	case EVENT_UNMOUNTED:
		printf("user %" PRIu64, ev->uid);
		break;
	case EVENT_RECOVERED:
		printf("%" PRIu64 " torn byte%s cut off after a crash", ev->bytes, ui_s(ev->bytes));
		break;
	case EVENT_COSIGNED:
		put_id("log ", ev->log, SHORT_ID);
		printf(", %" PRIu64 " event%s, by ", ev->size, ui_s(ev->size));
		put_text("", ev->witness);
		put_text(", ", ev->user);
		break;
	default: /* of a newer version: as it stands */
		ui_put_name(c->line.p, c->line.n);
		break;
	}
}

void cmd_event_print(const struct cmd_event *c, int width)
{
	char time[TEXT_TIME_SIZE];
	int pad = width - (int)strlen(c->node);

	text_time_s(time, c->ev->time_ms / 1000);
	printf("%s  ", time);
	ui_put_name(c->node, strlen(c->node));
	printf("%*s %c%-16s ", pad > 0 ? pad : 0, "", c->is_signed ? ' ' : '*', c->ev->type_name);
	if (!put_of_item(c) && !put_of_document(c) && !put_of_export(c->ev))
		put_rest(c);
	putchar('\n');
}

/* The line's own members, after some of ours. */
void cmd_event_json(const struct cmd_event *c)
{
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "journal", c->journal);
	ui_json_text(&j, "node_name", c->node);
	ui_json_bool(&j, "signed", c->is_signed);
	if (c->path)
		ui_json_text(&j, "path", c->path);
	if (c->heir_of)
		ui_json_text(&j, "in_place_of", c->heir_of);
	if (c->line.n > 2) {
		putchar(',');
		fwrite(c->line.p + 1, 1, c->line.n - 1, stdout);
	} else {
		ui_json_end(&j, '}');
	}
}
