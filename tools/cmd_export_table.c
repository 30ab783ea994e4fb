// SPDX-License-Identifier: Apache-2.0
/* Provenance as CSV. Which columns there are is known once all items are: their records are kept. */
#include <stdlib.h>
#include <string.h>

#include "fs/baglist.h"
#include "index/record.h"
#include "tools/cmd_export.h"

struct row {
	struct export_item it; /* path: owned */
	struct record *record; /* owned; NULL: none */
};
struct cmd_export_table {
	struct row *row;
	size_t n, cap;
	char **column; /* sorted; owned */
	size_t columns, room;
};

int cmd_export_table_new(struct cmd_export_table **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : ERR_NOMEM;
}

void cmd_export_table_free(struct cmd_export_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->row[i].it.path);
		record_free(t->row[i].record);
	}
	for (size_t i = 0; i < t->columns; i++)
		free(t->column[i]);
	free(t->row);
	free(t->column);
	free(t);
}

/* Where a column is, or would be. */
static size_t place(const struct cmd_export_table *t, const char *key)
{
	size_t lo = 0, hi = t->columns;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(t->column[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int add_column(struct cmd_export_table *t, const char *key)
{
	const size_t at = place(t, key);

	if (at < t->columns && strcmp(t->column[at], key) == 0)
		return 0;
	if (t->columns == t->room) {
		size_t room = t->room ? 2 * t->room : 32;
		char **grown = reallocarray(t->column, room, sizeof(*grown));

		if (!grown)
			return ERR_NOMEM;
		t->column = grown;
		t->room = room;
	}
	memmove(t->column + at + 1, t->column + at, (t->columns - at) * sizeof(*t->column));
	t->column[at] = strdup(key);
	t->columns++;
	return t->column[at] ? 0 : ERR_NOMEM;
}

/* Collection and path are in the file's own; as bytes the receipts have them. */
static bool is_path(const char *key)
{
	return strcmp(key, "path") == 0 || strcmp(key, "collection") == 0;
}

static int add_columns(struct cmd_export_table *t, const struct record *r)
{
	struct text_span v;
	const char *key;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < record_count(r); i++) {
		record_at(r, i, &key, &v);
		if (!is_path(key))
			rc = add_column(t, key);
	}
	return rc;
}

static int copy_record(struct record **out, const struct record *r)
{
	struct wire_out bytes = {0};
	int rc = record_encode(r, &bytes);

	if (rc == 0)
		rc = record_decode(out, bytes.p, bytes.n);
	wire_out_wipe(&bytes);
	return rc;
}

int cmd_export_table_add(struct cmd_export_table *t, const struct export_item *it,
			 const struct record *record)
{
	struct row *row;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;

		row = reallocarray(t->row, cap, sizeof(*row));
		if (!row)
			return ERR_NOMEM;
		t->row = row;
		t->cap = cap;
	}
	row = &t->row[t->n];
	*row = (struct row){.it = *it};
	row->it.path = strdup(it->path);
	if (!row->it.path)
		return ERR_NOMEM;
	t->n++;
	if (!record)
		return 0;
	if (copy_record(&row->record, record) != 0)
		return ERR_NOMEM;
	return add_columns(t, record);
}

/* ---- writing ---- */

static void put_value(struct wire_out *out, const char *p, size_t n)
{
	bool quote = false;

	for (size_t i = 0; i < n; i++)
		quote |= p[i] == ',' || p[i] == '"' || p[i] == '\n' || p[i] == '\r';
	if (!quote) {
		wire_out_bytes(out, p, n);
		return;
	}
	wire_out_u8(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			wire_out_u8(out, '"');
		wire_out_u8(out, (uint8_t)p[i]);
	}
	wire_out_u8(out, '"');
}

static void put_row(struct wire_out *out, const struct cmd_export_table *t, const struct row *row)
{
	const char *file = row->it.path + sizeof(BAGLIST_PAYLOAD) - 1;
	char sha256[65], item[33], node[33], commitment[65];
	struct text_span v;

	text_hex(sha256, row->it.sha256, 32);
	text_hex(item, row->it.item, 16);
	text_hex(node, row->it.node, 16);
	text_hex(commitment, row->it.commitment, 32);
	put_value(out, file, strlen(file));
	wire_out_printf(out, ",%s,%llu,%s,%s,%s", sha256, (unsigned long long)row->it.size, item,
			node, commitment);
	for (size_t i = 0; i < t->columns; i++) {
		wire_out_u8(out, ',');
		if (row->record && record_get(row->record, t->column[i], &v))
			put_value(out, v.p, v.n);
	}
	wire_out_text(out, "\r\n");
}

int cmd_export_table_write(struct cmd_export_table *t, struct wire_out *out)
{
	wire_out_text(out, "file,sha256,bytes,item,node,commitment");
	for (size_t i = 0; i < t->columns; i++)
		wire_out_printf(out, ",%s", t->column[i]);
	wire_out_text(out, "\r\n");
	for (size_t i = 0; i < t->n; i++)
		put_row(out, t, &t->row[i]);
	return wire_out_ok(out) ? 0 : ERR_NOMEM;
}
