// SPDX-License-Identifier: Apache-2.0
/* The two forms of custody status. */
#include "tools/cmd_status.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/suite.h"
#include "tools/cmd_alarm.h"
#include "tools/ui_json.h"

int cmd_status_standing(const struct cmd_status *st, const struct release *r)
{
	const struct authorisation *a = release_terms(r);
	int ended = release_ended(r);

	if (ended)
		return ended;
	if (st->gate.now_ms > a->not_after_ms)
		return ERR_EXPIRED;
	return st->gate.now_ms < a->not_before_ms ? ERR_NOT_YET : 0;
}

static void put_text(const char *before, const char *text)
{
	fputs(before, stdout);
	ui_put_name(text, strlen(text));
}

/* Has the enrolment of the node come to its end? */
static bool is_over(const struct cmd_status *st, const struct roster_node *n)
{
	return n->not_after_ms && st->gate.now_ms > n->not_after_ms;
}

static void print_who(const struct cmd_status *st)
{
	const struct identity_public *id = &node_identity(st->s->node)->pub;
	const struct archive_desc *d = &st->s->archive->desc;
	const struct roster_node *self = roster_find(st->s->roster, id->id);
	char hex[33];

	text_hex(hex, d->id, 16);
	printf("archive    %s  version %" PRIu32 ", %s, %u of %zu keys sign\n", hex, d->version,
	       suite_name(d->suite), d->threshold, d->keys);
	text_hex(hex, id->id, 16);
	printf("node       %s  ", hex);
	if (self)
		put_text("", self->name);
	printf(" (%s%s%s)\n", roster_roles_text(st->s->home->roles),
	       self && self->revoked ? ", REVOKED" : "",
	       self && is_over(st, self) ? ", EXPIRED" : "");
	printf("enrolled   %" PRIu64 " node%s, %" PRIu64 " revoked\n", st->nodes, ui_s(st->nodes),
	       st->revoked);
}

static void print_mount(const struct cmd_status *st)
{
	if (!st->mounted)
		return;
	put_text("mounted    ", st->mount.mountpoint);
	printf("  process %" PRIu64, st->mount.pid);
	if (st->mount.contained[0])
		put_text(", contained by ", st->mount.contained);
	putchar('\n');
}

static void print_holdings(const struct cmd_status *st)
{
	char bytes[16], stored[16], index[16];

	ui_bytes(bytes, st->totals.bytes);
	ui_bytes(stored, st->totals.stored);
	ui_bytes(index, st->index_bytes);
	if (st->s->home->roles & ROSTER_READER)
		printf("items      %" PRIu64 ", %s (%s stored)\n", st->totals.items, bytes, stored);
	else
		printf("items      not known here: this node opens no names\n");
	printf("index      %s\n", index);
}

static void print_journals(const struct cmd_status *st)
{
	char bytes[16], last[TEXT_TIME_SIZE];

	printf("journals   %zu\n", st->journals);
	for (size_t i = 0; i < st->journals; i++) {
		const struct cmd_status_journal *j = &st->journal[i];

		ui_bytes(bytes, j->bytes);
		text_time_s(last, j->last_ms / 1000);
		put_text("  ", j->name);
		if (!memcmp(j->node, node_identity(st->s->node)->pub.id, 16))
			fputs(" (this node)", stdout);
		printf("  %" PRIu64 " event%s, %s, last %s", j->indexed, ui_s(j->indexed), bytes,
		       last);
		if (j->indexed > j->covered)
			printf(", %" PRIu64 " not yet signed for", j->indexed - j->covered);
		if (j->cosigned) {
			text_time_s(last, j->cosigned_ms / 1000);
			printf(", %" PRIu64 " cosigned %s", j->cosigned, last);
		}
		if (j->heir[0])
			put_text(", goes on as ", j->heir);
		if (j->behind)
			printf(", %" PRIu64 " byte%s not checked yet", j->behind, ui_s(j->behind));
		putchar('\n');
	}
}

static void print_budget(const char *what, uint64_t used, uint64_t max)
{
	if (max)
		printf(", %" PRIu64 " of %" PRIu64 " %s", used, max, what);
}

static int print_release(void *ctx, struct release *r)
{
	const struct cmd_status *st = ctx;
	const struct authorisation *a = release_terms(r);
	char serial[33], time[TEXT_TIME_SIZE];
	uint64_t opens, bytes;
	int why = cmd_status_standing(st, r);

	text_hex(serial, a->serial, 16);
	text_time_s(time, (why == ERR_NOT_YET ? a->not_before_ms : a->not_after_ms) / 1000);
	release_used(r, &opens, &bytes);
	printf("  %s  ", serial);
	/* what ended for another reason did not end at a time that the terms know */
	if (why == 0 || why == ERR_NOT_YET || why == ERR_EXPIRED)
		printf("%s %s",
		       why == 0		  ? "until" :
		       why == ERR_NOT_YET ? "from" :
					    err_word(why),
		       time);
	else
		fputs(err_word(why), stdout);
	printf(", %zu item%s", a->items, ui_s(a->items));
	if (a->accessions)
		printf(", %zu accession%s", a->accessions, ui_s(a->accessions));
	print_budget("opens", opens, a->max_opens);
	print_budget("bytes", bytes, a->max_bytes);
	if (a->exports)
		printf(", export to %zu", a->exports);
	put_text(", case ", a->case_no);
	putchar('\n');
	return 0;
}

static int count_release(void *ctx, struct release *r)
{
	uint64_t *n = ctx;

	(void)r;
	++*n;
	return 0;
}

/* Released and not received, or received and not the same. */
static void print_transfers(const struct transfers *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct transfer *t = &all->list[i];
		char serial[33], time[TEXT_TIME_SIZE];

		if (t->received && t->receipt.match)
			continue;
		text_hex(serial, t->release.serial, 16);
		text_time_s(time, t->release.issued_ms / 1000);
		printf("%s", t->received ? "TRANSFER   " : "attention  transfer ");
		printf("%s of %s", serial, time);
		put_text(" to ", t->release.to);
		put_text(", medium ", t->release.medium_serial);
		printf(": %s\n", t->received ? "not all arrived as it was released" :
					       "released, and not received");
	}
	if (all->lost)
		printf("DAMAGE     documents/ lacks %zu document%s of transfers that were admitted: "
		       "run 'custody verify'\n",
		       all->lost, ui_s(all->lost));
	if (all->unjudged)
		printf("attention  %zu release%s of a transfer signed by keys of an earlier "
		       "archive.txt, in a log that has not met the newer one: 'custody verify' "
		       "names it\n",
		       all->unjudged, ui_s(all->unjudged));
}

static void print_attention(const struct cmd_status *st)
{
	print_transfers(&st->transfers);
	if (st->s->archive->desc.witnesses == 0)
		puts("attention  archive.txt names no witness: what a node makes of its own log, nobody "
		     "else can gainsay, and no alarm is raised for it");
	if (st->open_accessions)
		printf("attention  %" PRIu64 " accession%s not closed: an ingest runs, or was "
		       "stopped\n",
		       st->open_accessions, ui_s(st->open_accessions));
}

void cmd_status_print(const struct cmd_status *st)
{
	uint64_t releases = 0;

	print_who(st);
	print_mount(st);
	print_holdings(st);
	print_journals(st);
	release_each(st->gate.releases, count_release, &releases);
	printf("releases   %" PRIu64 "\n", releases);
	release_each(st->gate.releases, print_release, (void *)st);
	print_attention(st);
}

struct json_ctx {
	const struct cmd_status *st;
	struct ui_json *j;
};

static int json_release(void *ctx, struct release *r)
{
	const struct json_ctx *c = ctx;
	const struct authorisation *a = release_terms(r);
	struct ui_json *j = c->j;
	uint64_t opens, bytes;
	int why = cmd_status_standing(c->st, r);

	release_used(r, &opens, &bytes);
	ui_json_begin(j, NULL, '{');
	ui_json_id(j, "authorisation", a->serial);
	ui_json_text(j, "state", why ? err_word(why) : "in-force");
	ui_json_time(j, "not_before", a->not_before_ms);
	ui_json_time(j, "not_after", a->not_after_ms);
	ui_json_text(j, "case", a->case_no);
	ui_json_text(j, "purpose", a->purpose);
	ui_json_number(j, "items", a->items);
	ui_json_number(j, "accessions", a->accessions);
	ui_json_number(j, "opens", opens);
	ui_json_number(j, "bytes", bytes);
	if (a->max_opens)
		ui_json_number(j, "max_opens", a->max_opens);
	if (a->max_bytes)
		ui_json_number(j, "max_bytes", a->max_bytes);
	ui_json_begin(j, "users", '[');
	for (size_t i = 0; i < a->nusers; i++)
		ui_json_text(j, NULL, a->users[i]);
	ui_json_end(j, ']');
	ui_json_begin(j, "export_to", '[');
	for (size_t i = 0; i < a->exports; i++)
		ui_json_text(j, NULL, a->export_to[i]);
	ui_json_end(j, ']');
	ui_json_end(j, '}');
	return 0;
}

static void json_who(const struct cmd_status *st, struct ui_json *j)
{
	const struct identity_public *id = &node_identity(st->s->node)->pub;
	const struct archive_desc *d = &st->s->archive->desc;
	const struct roster_node *self = roster_find(st->s->roster, id->id);

	ui_json_id(j, "archive", d->id);
	ui_json_text(j, "path", st->s->archive->path);
	ui_json_number(j, "version", d->version);
	ui_json_text(j, "suite", suite_name(d->suite));
	ui_json_number(j, "threshold", d->threshold);
	ui_json_number(j, "keys", d->keys);
	ui_json_id(j, "node", id->id);
	if (self)
		ui_json_text(j, "name", self->name);
	ui_json_text(j, "role", roster_roles_text(st->s->home->roles));
	ui_json_text(j, "directory", node_dir(st->s->node));
	ui_json_bool(j, "revoked", self && self->revoked);
	ui_json_bool(j, "expired", self && is_over(st, self));
}

static void json_mount(const struct cmd_status *st, struct ui_json *j)
{
	if (!st->mounted)
		return;
	ui_json_begin(j, "mount", '{');
	ui_json_text(j, "mountpoint", st->mount.mountpoint);
	ui_json_number(j, "pid", st->mount.pid);
	ui_json_text(j, "contained", st->mount.contained);
	ui_json_end(j, '}');
}

static void json_journals(const struct cmd_status *st, struct ui_json *j)
{
	ui_json_begin(j, "journals", '[');
	for (size_t i = 0; i < st->journals; i++) {
		const struct cmd_status_journal *k = &st->journal[i];

		ui_json_begin(j, NULL, '{');
		ui_json_id(j, "node", k->node);
		ui_json_text(j, "name", k->name);
		if (k->heir[0])
			ui_json_id(j, "replaced_by", k->heir_id);
		ui_json_number(j, "events", k->indexed);
		ui_json_number(j, "bytes", k->bytes);
		ui_json_number(j, "signed", k->covered);
		ui_json_number(j, "unsigned",
			       k->indexed > k->covered ? k->indexed - k->covered : 0);
		ui_json_number(j, "unchecked_bytes", k->behind);
		ui_json_number(j, "cosigned", k->cosigned);
		if (k->cosigned)
			ui_json_time(j, "cosigned_at", k->cosigned_ms);
		ui_json_number(j, "damaged", k->damaged);
		ui_json_time(j, "last", k->last_ms);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
}

/* Those that somebody must look at. */
static void json_transfers(const struct transfers *all, struct ui_json *j)
{
	ui_json_begin(j, "transfers", '[');
	for (size_t i = 0; i < all->n; i++) {
		const struct transfer *t = &all->list[i];

		if (t->received && t->receipt.match)
			continue;
		ui_json_begin(j, NULL, '{');
		ui_json_id(j, "release", t->release.serial);
		ui_json_text(j, "state", t->received ? "mismatch" : "open");
		ui_json_time(j, "issued", t->release.issued_ms);
		ui_json_text(j, "to", t->release.to);
		ui_json_text(j, "medium_serial", t->release.medium_serial);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
	ui_json_number(j, "transfers_lost", all->lost);
	ui_json_number(j, "transfers_unjudged", all->unjudged);
}

void cmd_status_json(const struct cmd_status *st, const struct cmd_alarms *alarms)
{
	struct ui_json j = {0};
	struct json_ctx ctx = {st, &j};

	ui_json_begin(&j, NULL, '{');
	json_who(st, &j);
	json_mount(st, &j);
	ui_json_number(&j, "nodes", st->nodes);
	ui_json_number(&j, "nodes_revoked", st->revoked);
	ui_json_number(&j, "items", st->totals.items);
	ui_json_number(&j, "bytes", st->totals.bytes);
	ui_json_number(&j, "stored", st->totals.stored);
	ui_json_number(&j, "folders", st->totals.dirs);
	ui_json_number(&j, "index_bytes", st->index_bytes);
	json_journals(st, &j);
	ui_json_begin(&j, "releases", '[');
	release_each(st->gate.releases, json_release, &ctx);
	ui_json_end(&j, ']');
	json_transfers(&st->transfers, &j);
	ui_json_number(&j, "witnesses", st->s->archive->desc.witnesses);
	ui_json_number(&j, "open_accessions", st->open_accessions);
	ui_json_number(&j, "pending", st->pending);
	ui_json_number(&j, "damaged", st->damaged);
	ui_json_number(&j, "repaired", st->repaired);
	cmd_alarm_json(alarms, &j);
	ui_json_end(&j, '}');
	ui_json_line(&j);
}
