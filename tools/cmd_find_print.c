// SPDX-License-Identifier: Apache-2.0
/* What was found, for people and for programs. */
#include "tools/cmd_find.h"

#include <inttypes.h>
#include <string.h>

#include "tools/ui_json.h"

static const struct {
	enum facts_text what;
	const char *key;
} texts[] = {
	{FACTS_PORT, "port"},
	{FACTS_SITE, "site_id"},
	{FACTS_LANE, "lane"},
	{FACTS_CAMERA, "camera_id"},
	{FACTS_CAMERA_NAME, "camera_name"},
	{FACTS_EVENT, "event_id"},
	{FACTS_ROLE, "role"},
	{FACTS_SYSTEM, "source_system"},
	{FACTS_CASE, "case"},
};

static void json_reading(struct ui_json *j, const struct facts_reading *g)
{
	char number[16];

	ui_json_begin(j, NULL, '{');
	if (g->plate[0])
		ui_json_text(j, "plate", g->plate);
	if (g->region.n)
		ui_json_bytes(j, "region", g->region.p, g->region.n);
	if (g->confidence != FACTS_UNSURE) {
		snprintf(number, sizeof(number), "%u.%04u", g->confidence / 10000u,
			 g->confidence % 10000u);
		ui_json_text(j, "confidence", number);
	}
	if (g->hit.n)
		ui_json_bytes(j, "hit", g->hit.p, g->hit.n);
	ui_json_end(j, '}');
}

static void print_json(struct cmd_find *f, const struct cmd_find_item *it)
{
	const struct facts *facts = it->facts;
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_text(&j, "path", it->path);
	ui_json_id(&j, "item", it->o.item);
	ui_json_id(&j, "accession", it->o.accession);
	ui_json_text(&j, "state",
		     cmd_gate_ask(&f->gate, &it->o, NULL, NULL) == 0 ? "released" : "sealed");
	ui_json_number(&j, "size", it->o.size);
	ui_json_time(&j, "time", facts->time_ms);
	ui_json_text(&j, "time_source", facts_clock_name(facts->clock));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const struct text_span v = facts->text[texts[i].what];

		if (v.n)
			ui_json_bytes(&j, texts[i].key, v.p, v.n);
	}
	ui_json_begin(&j, "plates", '[');
	for (unsigned i = 0; i < facts->readings; i++)
		json_reading(&j, &facts->reading[i]);
	ui_json_end(&j, ']');
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print_word(struct text_span v, int width)
{
	ui_put_name(v.n ? v.p : "-", v.n ? v.n : 1);
	/* Bytes of UTF-8 that begin a character. */
	for (size_t i = 0; i < v.n; i++)
		width -= ((uint8_t)v.p[i] & 0xc0) != 0x80;
	width -= v.n == 0;
	printf("%*s  ", width > 0 ? width : 0, "");
}

static void print_long(const struct cmd_find_item *it)
{
	const struct facts *facts = it->facts;
	char time[TEXT_TIME_SIZE], plates[3 * (FACTS_PLATE_MAX + 1) + 4] = "";

	/* The first three say enough in a line. */
	for (unsigned i = 0; i < facts->readings && i < 3; i++) {
		if (*plates && facts->reading[i].plate[0])
			strcat(plates, ",");
		strcat(plates, facts->reading[i].plate);
	}
	text_time_ms(time, facts->time_ms);
	printf("%s%c  ", time, facts->clock == FACTS_MODIFIED ? '?' : ' ');
	print_word(facts->text[facts->text[FACTS_PORT].n ? FACTS_PORT : FACTS_SITE], 8);
	print_word(facts->text[FACTS_LANE], 4);
	print_word((struct text_span){plates, strlen(plates)}, 10);
	ui_put_name(it->path, strlen(it->path));
	putchar('\n');
}

int cmd_find_print(struct cmd_find *f, const struct cmd_find_item *it)
{
	switch (f->form) {
	case CMD_FIND_JSON:
		print_json(f, it);
		break;
	case CMD_FIND_LONG:
		print_long(it);
		break;
	case CMD_FIND_NULL:
		fwrite(it->path, 1, strlen(it->path) + 1, stdout);
		break;
	default:
		ui_put_name(it->path, strlen(it->path));
		putchar('\n');
	}
	return ferror(stdout) ? ERR_SYSTEM : 0;
}

int cmd_find_print_count(struct cmd_find *f, uint64_t n)
{
	struct ui_json j = {0};

	if (f->ui->json) {
		ui_json_begin(&j, NULL, '{');
		ui_json_number(&j, "items", n);
		ui_json_end(&j, '}');
		ui_json_line(&j);
	} else {
		printf("%" PRIu64 "\n", n);
	}
	return ferror(stdout) ? ERR_SYSTEM : 0;
}
