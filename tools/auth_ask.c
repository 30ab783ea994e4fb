// SPDX-License-Identifier: Apache-2.0
/* A request for release, as the authority has it before it: for review and authorise. */
#include "tools/auth.h"

#include <inttypes.h>
#include <string.h>

#include "index/file.h"

#define REQUEST_MAX ((size_t)2 << 30)
#define ITEM_BYTES_MIN 1024 /* of a request, for an item: less than it can be */

int auth_ask_open(struct auth_ask *ask, struct auth *au, struct ui *ui, const char *dir,
		  const char *file, bool keys, struct err *e)
{
	struct wire_out bytes = {0};
	size_t pool = AUTH_POOL;
	int rc = file_read_path(file, REQUEST_MAX, &bytes, e);

	if (keys) /* room for those of all items it can hold */
		pool += bytes.n / ITEM_BYTES_MIN * 33;
	if (rc == 0)
		rc = auth_open(au, ui, dir, true, pool, e);
	if (rc == 0) {
		rc = authority_review(au->a, &ask->r, bytes.p, bytes.n, e);
		if (rc < 0)
			err_prefix(e, rc, "%s", file);
	}
	if (rc == 0)
		rc = auth_find_node(au, ask->r.archive, ask->r.node, &ask->node, e);
	wire_out_free(&bytes);
	return rc;
}

void auth_ask_free(struct auth_ask *ask)
{
	request_free(&ask->r);
}

uint64_t auth_ask_bytes(const struct auth_ask *ask)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ask->r.items; i++)
		sum += ask->r.item[i].frame.size;
	return sum;
}

static void print_id(FILE *f, const char *what, const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	auth_field(f, what, hex);
}

void auth_ask_print(FILE *f, const struct auth_ask *ask)
{
	const struct request *r = &ask->r;
	char line[80], bytes[16], time[TEXT_TIME_SIZE];

	print_id(f, "request", r->serial);
	print_id(f, "archive", r->archive);
	print_id(f, "node", r->node);
	auth_field(f, "name", ask->node.name);
	auth_field(f, "asked by", r->requested_by);
	text_time_s(time, r->issued_ms / 1000);
	auth_field(f, "asked at", time);
	auth_field(f, "case", r->case_no);
	auth_field(f, "purpose", r->purpose);
	if (r->legal_basis[0])
		auth_field(f, "legal basis", r->legal_basis);
	ui_bytes(bytes, auth_ask_bytes(ask));
	snprintf(line, sizeof(line), "%zu, %s", r->items, bytes);
	auth_field(f, "items", line);
	for (size_t i = 0; i < r->accessions; i++)
		print_id(f, "accession", r->accession[i]);
	for (size_t i = 0; i < r->checkpoints; i++)
		fprintf(f, "%-11s %s, %" PRIu64 " events\n", "log", r->checkpoint[i].origin,
			r->checkpoint[i].size);
}
