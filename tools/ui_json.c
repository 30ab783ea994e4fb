// SPDX-License-Identifier: Apache-2.0
#include "tools/ui_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/text.h"
#include "tools/ui.h"

static void next(struct ui_json *j, const char *key)
{
	if (j->comma)
		putchar(',');
	j->comma = true;
	if (key) {
		ui_put_json(key, strlen(key));
		putchar(':');
	}
}

void ui_json_begin(struct ui_json *j, const char *key, char bracket)
{
	next(j, key);
	putchar(bracket);
	j->comma = false;
}

void ui_json_end(struct ui_json *j, char bracket)
{
	putchar(bracket);
	j->comma = true;
}

void ui_json_line(struct ui_json *j)
{
	putchar('\n');
	j->comma = false;
}

void ui_json_bytes(struct ui_json *j, const char *key, const void *p, size_t n)
{
	next(j, key);
	ui_put_json(p, n);
}

void ui_json_text(struct ui_json *j, const char *key, const char *value)
{
	ui_json_bytes(j, key, value, strlen(value));
}

void ui_json_hex(struct ui_json *j, const char *key, const void *p, size_t n)
{
	const uint8_t *b = p;

	next(j, key);
	putchar('"');
	for (size_t i = 0; i < n; i++)
		printf("%02x", b[i]);
	putchar('"');
}

void ui_json_id(struct ui_json *j, const char *key, const uint8_t id[16])
{
	ui_json_hex(j, key, id, 16);
}

void ui_json_number(struct ui_json *j, const char *key, uint64_t value)
{
	next(j, key);
	printf("%" PRIu64, value);
}

void ui_json_bool(struct ui_json *j, const char *key, bool value)
{
	next(j, key);
	fputs(value ? "true" : "false", stdout);
}

void ui_json_time(struct ui_json *j, const char *key, int64_t ms)
{
	char text[TEXT_TIME_SIZE];

	text_time_ms(text, ms);
	ui_json_text(j, key, text);
}
