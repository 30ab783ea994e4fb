// SPDX-License-Identifier: Apache-2.0
/* A request for release, as the authority has it before it: for review and authorise. */
#include "tools/auth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/file.h"

#define REQUEST_MAX ((size_t)2 << 30)
#define ITEM_BYTES_MIN 1024 /* of a request, for an item: less than it can be */

/* Names for those who opened the accessions. */
static int find_from(struct auth_ask *ask, struct auth *au, struct err *e)
{
	const struct request *r = &ask->r;
	int rc = 0;

	ask->from = calloc(r->accessions + 1, sizeof(*ask->from));
	if (!ask->from)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < r->accessions; i++)
		rc = auth_find_node(au, r->archive, request_whole(r, r->accession[i])->node,
				    &ask->from[i], e);
	return rc;
}

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
	if (rc == 0)
		rc = find_from(ask, au, e);
	wire_out_free(&bytes);
	return rc;
}

void auth_ask_free(struct auth_ask *ask)
{
	request_free(&ask->r);
	free(ask->from);
	ask->from = NULL;
}

static void print_id(FILE *f, const char *what, const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	auth_field(f, what, hex);
}

/* All that goes along with it, whether the request lists it or not. */
static void print_accession(FILE *f, const struct request_accession *a,
			    const struct roster_node *from)
{
	char line[128], bytes[16], opened[TEXT_TIME_SIZE], closed[TEXT_TIME_SIZE];

	print_id(f, "accession", a->id);
	auth_field(f, "  taken by", from->name);
	print_id(f, "  node", a->node);
	auth_field(f, "  host", a->host);
	auth_field(f, "  user", a->user);
	text_time_s(opened, a->opened_ms / 1000);
	text_time_s(closed, a->closed_ms / 1000);
	snprintf(line, sizeof(line), "%s to %s", opened, closed);
	auth_field(f, "  time", line);
	ui_bytes(bytes, a->bytes);
	snprintf(line, sizeof(line), "%" PRIu64 ", %s", a->items, bytes);
	auth_field(f, "  items", line);
	if (a->listed < a->items) {
		snprintf(line, sizeof(line),
			 "the names of %" PRIu64 " items are not in the request",
			 a->items - a->listed);
		auth_field(f, "  unnamed", line);
	}
}

void auth_ask_print(FILE *f, const struct auth_ask *ask)
{
	const struct request *r = &ask->r;
	char line[80], sum[16], time[TEXT_TIME_SIZE];
	uint64_t items, bytes;

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
	request_total(r, &items, &bytes);
	ui_bytes(sum, bytes);
	snprintf(line, sizeof(line), "%" PRIu64 ", %s%s", items, sum,
		 r->accessions ? ", with all of the accessions" : "");
	auth_field(f, "items", line);
	for (size_t i = 0; i < r->accessions; i++)
		print_accession(f, request_whole(r, r->accession[i]), &ask->from[i]);
	for (size_t i = 0; i < r->checkpoints; i++)
		fprintf(f, "%-11s %s, %" PRIu64 " event%s\n", "log", r->checkpoint[i].origin,
			r->checkpoint[i].size, ui_s(r->checkpoint[i].size));
}
