// SPDX-License-Identifier: Apache-2.0
/* The forms of custody impact: a line for each item, and a summary. */
#include "tools/cmd_impact.h"

#include <inttypes.h>
#include <string.h>

#include "index/object.h"
#include "tools/ui_json.h"

struct sum {
	uint64_t items, stored, bytes;
};

/* What the index of a reader node knows of it besides. */
struct face {
	struct wire_out path;
	uint64_t size;
	bool known;
};

struct printing {
	const struct impact *m;
	const struct impact_print *how;
	struct sum sum[IMPACT_STATES];
	uint64_t unknown; /* that no log here took in */
	struct face face;
	size_t pair; /* of the item at hand, the first */
};

const char *impact_state_name(enum impact_state s)
{
	static const char *const names[IMPACT_STATES] = {
		[IMPACT_NONE] = "none",		[IMPACT_TAKEN_IN] = "taken-in",
		[IMPACT_HELD] = "held",		[IMPACT_COVERED] = "covered",
		[IMPACT_OPENED] = "opened",	[IMPACT_SERVED] = "served",
		[IMPACT_EXPORTED] = "exported",
	};

	return names[s];
}

static bool has_names(const struct impact *m)
{
	return m->view.station && (m->view.station->home->roles & ROSTER_READER);
}

static bool is_listed(const struct printing *p, const struct impact_item *it)
{
	return !p->how->only_summary && p->how->state[it->state];
}

static int look_up(struct printing *p, const struct impact_item *it, struct err *e)
{
	struct db_txn *t = NULL;
	struct object o;
	int rc;

	wire_out_reset(&p->face.path);
	p->face.known = false;
	if (!has_names(p->m) || !it->known)
		return 0;
	if (it->sized && !is_listed(p, it)) {
		p->face.size = it->size;
		p->face.known = true;
		return 0;
	}
	rc = db_begin(&t, p->m->view.station->db, false, e);
	if (rc == 0)
		rc = object_get_item(t, it->node, it->id, &o, NULL, NULL);
	if (rc == 0 && memcmp(o.commitment, it->commitment, 32) == 0) {
		p->face.size = o.size;
		/* What is not listed needs no name. */
		rc = is_listed(p, it) ? object_path(t, &o, &p->face.path, e) : 0;
		wire_out_u8(&p->face.path, 0);
		p->face.known = rc == 0 && wire_out_ok(&p->face.path);
	}
	db_abort(t);
	/* Put aside, because its head can't be read: it goes by its id. */
	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* ---- an item ---- */

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

static void print_pairs(const struct printing *p, size_t item)
{
	for (size_t i = p->pair; i < p->m->pairs && p->m->pair[i].item == item; i++) {
		const struct impact_release *r = &p->m->release[p->m->pair[i].release];
		char serial[9];

		text_hex(serial, r->terms.serial, 4);
		printf("%s%s", i == p->pair ? "; authorisation " : ", ", serial);
		if (!r->in_force)
			fputs(" (not in force)", stdout);
	}
}

static void print_item(const struct printing *p, size_t i)
{
	const struct impact_item *it = &p->m->item[i];
	char id[33];

	printf("%-8s  ", impact_state_name(it->state));
	text_hex(id, it->id, 16);
	put_text("", p->face.known ? (char *)p->face.path.p : id);
	if (p->face.known)
		put_bytes(", ", p->face.size, "");
	else if (it->known)
		put_bytes(", ", it->stored, " sealed");
	else
		fputs(", which no log here took in", stdout);
	if (it->opens)
		printf(": %" PRIu64 " open%s", it->opens, ui_s(it->opens));
	if (it->opens)
		put_bytes(", ", it->bytes, " read");
	if (it->unclosed)
		printf(", %" PRIu64 " not seen closed", it->unclosed);
	print_pairs(p, i);
	putchar('\n');
}

static void json_item(const struct printing *p, size_t i)
{
	const struct impact_item *it = &p->m->item[i];
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "item", it->id);
	if (p->face.known)
		ui_json_text(&j, "path", (char *)p->face.path.p);
	ui_json_text(&j, "state", impact_state_name(it->state));
	ui_json_bool(&j, "taken_in", it->taken_in);
	ui_json_bool(&j, "known", it->known);
	if (p->face.known)
		ui_json_number(&j, "size", p->face.size);
	if (it->known) {
		ui_json_number(&j, "stored", it->stored);
		ui_json_time(&j, "ingested", it->ms);
		ui_json_id(&j, "node", it->node);
		ui_json_id(&j, "accession", it->accession);
	}
	ui_json_number(&j, "opens", it->opens);
	ui_json_number(&j, "unclosed", it->unclosed);
	ui_json_number(&j, "bytes_read", it->bytes);
	ui_json_begin(&j, "authorisations", '[');
	for (size_t k = p->pair; k < p->m->pairs && p->m->pair[k].item == i; k++)
		ui_json_id(&j, NULL, p->m->release[p->m->pair[k].release].terms.serial);
	ui_json_end(&j, ']');
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void list_item(const struct printing *p, size_t i)
{
	const struct impact_item *it = &p->m->item[i];

	if (!is_listed(p, it))
		return;
	if (p->how->null) {
		if (p->face.known)
			fwrite(p->face.path.p, 1, p->face.path.n, stdout); /* its NUL too */
	} else if (p->m->ui->json) {
		json_item(p, i);
	} else {
		print_item(p, i);
	}
}

/* ---- all of them ---- */

static uint64_t in_force(const struct impact *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->releases; i++)
		n += m->release[i].in_force;
	return n;
}

static void uses(const struct impact *m, uint64_t *bytes, uint64_t *unclosed)
{
	*bytes = *unclosed = 0;
	for (size_t i = 0; i < m->uses; i++) {
		*bytes += m->use[i].bytes;
		*unclosed += !m->use[i].closed;
	}
}

static void print_sum(const struct printing *p, enum impact_state s, const char *what)
{
	const struct sum *n = &p->sum[s];

	printf("%-10s %" PRIu64 " item%s", impact_state_name(s), n->items, ui_s(n->items));
	if (n->items)
		put_bytes(", ", has_names(p->m) ? n->bytes : n->stored,
			  has_names(p->m) ? "" : " sealed");
	printf(": %s\n", what);
}

static void print_summary(const struct printing *p)
{
	const struct impact *m = p->m;
	const uint64_t force = in_force(m);
	uint64_t bytes, unclosed;

	uses(m, &bytes, &unclosed);
	printf("releases   %" PRIu64 " in force then, %" PRIu64 " at other times\n", force,
	       m->releases - force);
	print_sum(p, IMPACT_EXPORTED,
		  "left in packages: 'custody log --type exported' has to whom");
	print_sum(p, IMPACT_SERVED, "bytes were given out, or the end was not seen");
	print_sum(p, IMPACT_OPENED, "opened, and nothing was read");
	print_sum(p, IMPACT_COVERED, "could be read, and was not opened");
	print_sum(p, IMPACT_HELD, "released to it at another time: it had the key");
	if (m->journal && !m->officer)
		print_sum(p, IMPACT_TAKEN_IN, "it took them in itself, and had them in plain");
	printf("opens      %zu", m->uses);
	put_bytes(", ", bytes, " read");
	if (unclosed)
		printf(", %" PRIu64 " not seen closed", unclosed);
	if (m->readers)
		printf("\nnames      could be seen of %" PRIu64 " item%s\n", m->names,
		       ui_s(m->names));
	else
		printf("\nnames      none could be seen\n");
	if (p->unknown)
		printf("attention  %" PRIu64 " item%s no log here took in\n", p->unknown,
		       ui_s(p->unknown));
}

static void json_summary(const struct printing *p)
{
	const struct impact *m = p->m;
	const uint64_t force = in_force(m);
	uint64_t bytes, unclosed;
	struct ui_json j = {0};

	uses(m, &bytes, &unclosed);
	ui_json_begin(&j, NULL, '{');
	ui_json_bool(&j, "summary", true);
	if (m->journal)
		ui_json_id(&j, "journal", m->journal);
	if (m->officer)
		ui_json_text(&j, "officer", m->officer->name);
	if (m->from_ms != INT64_MIN)
		ui_json_time(&j, "from", m->from_ms);
	if (m->to_ms != INT64_MAX)
		ui_json_time(&j, "to", m->to_ms);
	ui_json_number(&j, "releases_in_force", force);
	ui_json_number(&j, "releases_at_other_times", m->releases - force);
	for (enum impact_state s = IMPACT_STATES; --s > IMPACT_NONE;) {
		ui_json_begin(&j, impact_state_name(s), '{');
		ui_json_number(&j, "items", p->sum[s].items);
		ui_json_number(&j, "stored", p->sum[s].stored);
		if (has_names(m))
			ui_json_number(&j, "bytes", p->sum[s].bytes);
		ui_json_end(&j, '}');
	}
	ui_json_number(&j, "opens", m->uses);
	ui_json_number(&j, "unclosed", unclosed);
	ui_json_number(&j, "bytes_read", bytes);
	ui_json_number(&j, "readers", m->readers);
	ui_json_number(&j, "names", m->names);
	ui_json_number(&j, "unknown", p->unknown);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

int impact_print(const struct impact *m, const struct impact_print *how, struct err *e)
{
	struct printing p = {.m = m, .how = how};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->items && !ferror(stdout); i++) {
		const struct impact_item *it = &m->item[i];

		while (p.pair < m->pairs && m->pair[p.pair].item < i)
			p.pair++;
		if (it->state == IMPACT_NONE)
			continue;
		rc = look_up(&p, it, e);
		if (rc)
			break;
		p.sum[it->state].items++;
		p.sum[it->state].stored += it->stored;
		p.sum[it->state].bytes += p.face.known ? p.face.size : 0;
		p.unknown += !it->known;
		list_item(&p, i);
	}
	if (rc == 0 && m->ui->json)
		json_summary(&p);
	else if (rc == 0 && !how->null)
		print_summary(&p);
	wire_out_wipe(&p.face.path);
	return rc;
}
