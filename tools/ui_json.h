/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_json: what --json prints, on standard output: members and elements with their commas and
 * escapes. Key NULL: an element of a list.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_UI_JSON_H
#define CUSTODY_TOOLS_UI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise it. */
struct ui_json {
	bool comma; /* before the next member */
};

/* bracket: '{' or '['; ui_json_end() takes '}' or ']'. */
void ui_json_begin(struct ui_json *j, const char *key, char bracket);
void ui_json_end(struct ui_json *j, char bracket);
/* End the line: JSON Lines have one object each. */
void ui_json_line(struct ui_json *j);

void ui_json_text(struct ui_json *j, const char *key, const char *value);
/* Bytes that should be UTF-8; what is not becomes U+FFFD. */
void ui_json_bytes(struct ui_json *j, const char *key, const void *p, size_t n);
void ui_json_hex(struct ui_json *j, const char *key, const void *p, size_t n);
void ui_json_id(struct ui_json *j, const char *key, const uint8_t id[16]);
void ui_json_number(struct ui_json *j, const char *key, uint64_t value);
void ui_json_bool(struct ui_json *j, const char *key, bool value);
/* "2026-11-23T07:10:00.000Z", ms since 1970. */
void ui_json_time(struct ui_json *j, const char *key, int64_t ms);

#endif
