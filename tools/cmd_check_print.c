// SPDX-License-Identifier: Apache-2.0
/* A receipt for people: whose it is, the item's custody in groups, findings, verdict. */
#include "tools/cmd_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Not "never": a receipt can't show that nothing was left out. */
#define NO_EVENT "by no event of this receipt"

static void put(const char *what, const char *text)
{
	printf("%-13s ", what);
	ui_put_name(text, strlen(text));
	putchar('\n');
}

static void put_id(const char *what, const uint8_t *p, size_t n)
{
	char hex[65];

	text_hex(hex, p, n);
	printf("%-13s %s\n", what, hex);
}

static void put_key(const char *what, const struct sshkey *k)
{
	char print[SSHKEY_FINGERPRINT_SIZE];

	sshkey_fingerprint(print, k);
	printf("%-13s %s ", what, print);
	ui_put_name(k->comment, strlen(k->comment));
	putchar('\n');
}

static void print_archive(const struct cmd_check *c)
{
	const struct archive_desc *d = &c->r->desc;

	put_id("archive", d->id, 16);
	for (size_t i = 0; i < d->keys; i++)
		put_key(i ? "" : "keys", &d->key[i]);
	printf("%-13s %u of %zu sign%s\n", "", d->threshold, d->keys,
	       c->expected ? "; compared with those that were given" : "");
	if (c->r->chain)
		printf("%-13s version %" PRIu32 ", and %zu before it that lead%s to it\n", "",
		       d->version, c->r->chain, c->r->chain == 1 ? "s" : "");
	if (c->r->pinned && c->r->pinned < d->version)
		printf("%-13s the keys that were given are those of version %" PRIu32 "\n", "",
		       c->r->pinned);
}

/* Who else vouches for a log, how far, and since when. */
static void print_witnesses(const struct receipt *r, const struct receipt_log *log)
{
	char time[TEXT_TIME_SIZE];

	for (size_t i = 0; i < log->witnessed.n; i++) {
		const struct cosigned_by *by = &log->witnessed.by[i];

		text_time_s(time, (int64_t)by->time);
		printf("%-13s its first %" PRIu64 " cosigned %s by %s\n", "  witness",
		       log->witnessed.cp.size, time, r->desc.witness[by->witness].name);
	}
	if (log->good && log->witnessed.n == 0)
		printf("%-13s none: the log is the node's word alone\n", "  witness");
}

static void print_logs(const struct receipt *r)
{
	for (size_t i = 0; i < r->logs; i++) {
		const struct receipt_log *log = &r->log[i];
		char hex[33];

		text_hex(hex, log->node, 16);
		printf("%-13s %s ", i ? "" : "logs", hex);
		ui_put_name(log->who.name, strlen(log->who.name));
		if (!log->good)
			printf(", not proved");
		else
			printf(", %s: %zu of %" PRIu64 " events", roster_roles_text(log->who.roles),
			       log->events, log->cp.size);
		if (log->others)
			printf(", %u other signature%s, not checked", log->others,
			       ui_s(log->others));
		putchar('\n');
		if (log->good && log->who.replaces.origin[0])
			put_id("  in place of", log->who.replaced, 16);
		print_witnesses(r, log);
	}
}

static void print_provenance(const struct receipt *r)
{
	struct text_span v;
	const char *key;

	if (!r->provenance) {
		put("provenance", r->record.n ? "not proved" : "not disclosed");
		return;
	}
	put_id("sha256", r->content, 32);
	printf("provenance\n");
	for (size_t i = 0; i < record_count(r->provenance); i++) {
		record_at(r->provenance, i, &key, &v);
		printf("  %-24s ", key);
		ui_put_name(v.p, v.n);
		putchar('\n');
	}
}

static void print_event(const struct cmd_check *c, size_t number)
{
	char name[CMD_NAME_MAX];
	struct event ev;
	struct cmd_event line = cmd_check_event(c, number, &ev, name);

	fputs("  ", stdout);
	cmd_event_print(&line, 0);
}

/* Events of a group; `none` if there are none. */
static void print_group(const struct cmd_check *c, enum cmd_check_group group, size_t grant,
			const char *title, const char *none)
{
	bool any = false;

	for (size_t i = 0; i < c->events; i++) {
		const struct cmd_check_event *x = &c->event[i];

		if (x->group != group || x->grant != grant)
			continue;
		if (!any && title)
			printf("%s\n", title);
		any = true;
		print_event(c, x->number);
	}
	if (!any && none)
		put(title, none);
}

static void put_users(const struct authorisation *a)
{
	printf("  %-11s ", "users");
	for (size_t i = 0; i < a->nusers; i++)
		printf("%s%s", i ? ", " : "", a->users[i]);
	printf("%s\n", a->nusers ? "" : "any");
}

static void print_grant(const struct cmd_check *c, size_t i)
{
	const struct receipt_grant *g = &c->r->grant[i];
	const struct authorisation *a = &g->terms;
	char from[TEXT_TIME_SIZE], until[TEXT_TIME_SIZE];

	if (!g->good)
		return;
	put_id("authorisation", a->serial, 16);
	put("  case", a->case_no);
	put("  purpose", a->purpose);
	if (*a->legal_basis)
		put("  legal basis", a->legal_basis);
	put("  asked for by", a->requested_by);
	if (g->version < c->r->desc.version)
		printf("  %-11s version %" PRIu32 " of archive.txt\n", "admitted by", g->version);
	for (size_t k = 0; k < g->signers; k++)
		put_key(k ? "" : "  signed by", &receipt_desc(c->r, g->version)->key[g->signer[k]]);
	put_users(a);
	text_time_s(from, a->not_before_ms / 1000);
	text_time_s(until, a->not_after_ms / 1000);
	printf("  %-11s %s to %s\n", "in force", from, until);
	print_group(c, CHECK_GRANT, i, NULL, NULL);
}

static void print_revocations(const struct receipt *r)
{
	for (size_t i = 0; i < r->revocations; i++) {
		const struct authorisation_revocation *v = &r->revocation[i].terms;
		char what[SSHKEY_FINGERPRINT_SIZE], time[TEXT_TIME_SIZE];

		if (!r->revocation[i].good)
			continue;
		if (v->what == REVOKE_KEY)
			sshkey_fingerprint(what, &v->key);
		else
			text_hex(what, v->target, 16);
		text_time_s(time, v->issued_ms / 1000);
		printf("%-13s %s %s, %s: ", "revoked",
		       v->what == REVOKE_KEY  ? "key" :
		       v->what == REVOKE_NODE ? "node" :
						"authorisation",
		       what, time);
		ui_put_name(v->reason, strlen(v->reason));
		putchar('\n');
	}
}

static void print_restores(const struct receipt *r)
{
	for (size_t i = 0; i < r->restores; i++) {
		const struct restore *x = &r->restore[i].terms;
		char hex[33], time[TEXT_TIME_SIZE];

		if (!r->restore[i].good)
			continue;
		text_hex(hex, x->node, 16);
		text_time_s(time, x->issued_ms / 1000);
		printf("%-13s a copy, by node %s, %s: ", "restored", hex, time);
		ui_put_name(x->reason, strlen(x->reason));
		putchar('\n');
	}
}

static void print_custody(const struct cmd_check *c)
{
	print_archive(c);
	print_logs(c->r);
	print_provenance(c->r);
	print_group(c, CHECK_TAKEN_IN, 0, "taken in", "not proved");
	for (size_t i = 0; i < c->r->grants; i++)
		print_grant(c, i);
	if (c->r->grants == 0)
		put("opened", NO_EVENT);
	print_revocations(c->r);
	print_restores(c->r);
	print_group(c, CHECK_REFUSED, 0, "refused", NO_EVENT);
	print_group(c, CHECK_DAMAGED, 0, "damage", NO_EVENT);
	print_group(c, CHECK_OTHER, 0, "other", NULL);
}

static void print_verdict(const struct receipt *r)
{
	printf("%-13s %s: ", "verdict", cmd_check_verdict(r));
	if (r->damaged)
		printf("the receipt does not hold, %" PRIu64 " finding%s\n", r->damaged,
		       ui_s(r->damaged));
	else if (r->unchecked)
		printf("%" PRIu64 " part%s could not be checked\n", r->unchecked,
		       ui_s(r->unchecked));
	else
		printf("%zu event%s of %zu log%s proved%s\n", r->events, ui_s(r->events), r->logs,
		       ui_s(r->logs), r->grants ? ", and every opening was covered" : "");
}

void cmd_check_print(const struct cmd_check *c, bool quiet)
{
	const struct receipt *r = c->r;

	if (!quiet) {
		put_id("item", r->item, 16);
		put_id("of node", r->node, 16);
		if (r->desc_good)
			print_custody(c);
	}
	for (size_t i = 0; i < r->findings; i++) {
		const struct receipt_finding *f = &r->finding[i];

		printf("%s: ", err_exit(f->code) == 4 ? err_word(f->code) : "not checked");
		ui_put_name(f->text, strlen(f->text));
		putchar('\n');
	}
	print_verdict(r);
}
