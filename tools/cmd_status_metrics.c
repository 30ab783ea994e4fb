// SPDX-License-Identifier: Apache-2.0
/*
 * custody status --prometheus: for a monitoring system. Names of metrics stay what they are; custody(1)
 * lists them. No case, purpose, account or path is in them.
 */
#include "tools/cmd_status.h"

#include <string.h>

#include "tools/cmd_alarm.h"
#include "tools/exposition.h"

static void put_info(const struct cmd_status *st)
{
	const struct identity_public *id = &node_identity(st->s->node)->pub;
	const struct roster_node *self = roster_find(st->s->roster, id->id);
	char archive[33], node[33];

	text_hex(archive, st->s->archive->desc.id, 16);
	text_hex(node, id->id, 16);
	exposition_family("custody_info", "The archive and this node; always 1.");
	exposition_labels("custody_info",
			  (const char *const[]){"archive", archive, "node", node, "name",
						self ? self->name : "", "role",
						roster_roles_text(st->s->home->roles), "version",
						CUSTODY_VERSION, NULL});
	exposition_number(1);
	exposition_gauge("custody_node_revoked", "1 if this node was revoked.",
			 self && self->revoked);
	exposition_family("custody_enrolment_end_timestamp_seconds",
			  "When the enrolment of this node ends; missing if it does not.");
	if (self && self->not_after_ms) {
		exposition_sample("custody_enrolment_end_timestamp_seconds");
		exposition_time(self->not_after_ms);
	}
}

static void put_holdings(const struct cmd_status *st)
{
	exposition_gauge("custody_nodes", "Nodes that were enrolled.", st->nodes);
	exposition_gauge("custody_nodes_revoked", "Those of them that were revoked.", st->revoked);
	if (st->s->home->roles & ROSTER_READER) {
		exposition_gauge("custody_items", "Items in custody.", st->totals.items);
		exposition_gauge("custody_item_bytes", "Their bytes.", st->totals.bytes);
		exposition_gauge("custody_stored_bytes", "What they take up in segments.",
				 st->totals.stored);
		exposition_gauge("custody_folders", "Folders they lie in.", st->totals.dirs);
	}
	exposition_gauge("custody_index_bytes", "The index of this node.", st->index_bytes);
	exposition_gauge("custody_open_accessions", "Ingests that run or were stopped.",
			 st->open_accessions);
	exposition_gauge("custody_unreadable_items", "Items that can't be read.", st->pending);
	exposition_gauge("custody_damage", "Damage that the log tells of and no repair settled.",
			 st->damaged);
	exposition_gauge("custody_damage_repaired", "Damage that a repair settled.", st->repaired);
	exposition_gauge("custody_witnesses", "Witnesses that archive.txt names.",
			 st->s->archive->desc.witnesses);
}

/* One number of each journal. */
static void put_journals(const struct cmd_status *st, const char *name, const char *help,
			 size_t offset)
{
	char node[33];
	uint64_t n;

	exposition_family(name, help);
	for (size_t i = 0; i < st->journals; i++) {
		const struct cmd_status_journal *j = &st->journal[i];

		memcpy(&n, (const char *)j + offset, sizeof(n));
		text_hex(node, j->node, 16);
		exposition_labels(name, (const char *const[]){"node", node, "name", j->name, NULL});
		exposition_number(n);
	}
}

static void put_journal_times(const struct cmd_status *st)
{
	static const char name[] = "custody_journal_last_event_timestamp_seconds";
	char node[33];

	exposition_family(name, "When its last event was.");
	for (size_t i = 0; i < st->journals; i++) {
		text_hex(node, st->journal[i].node, 16);
		exposition_labels(name, (const char *const[]){"node", node, "name",
							      st->journal[i].name, NULL});
		exposition_time(st->journal[i].last_ms);
	}
}

struct release_counts {
	const struct cmd_status *st;
	uint64_t in_force, not_yet, ended;
	int64_t first_end_ms;
};

static int count_release(void *ctx, struct release *r)
{
	struct release_counts *c = ctx;
	int why = cmd_status_standing(c->st, r);
	int64_t end = release_terms(r)->not_after_ms;

	if (why == ERR_NOT_YET)
		c->not_yet++;
	else if (why)
		c->ended++;
	else
		c->in_force++;
	if (why == 0 && (c->first_end_ms == 0 || end < c->first_end_ms))
		c->first_end_ms = end;
	return 0;
}

static void put_releases(const struct cmd_status *st)
{
	static const char name[] = "custody_releases",
			  end[] = "custody_release_first_end_timestamp_seconds";
	struct release_counts c = {.st = st};

	release_each(st->gate.releases, count_release, &c);
	exposition_family(name, "Releases of this node.");
	exposition_labels(name, (const char *const[]){"state", "in-force", NULL});
	exposition_number(c.in_force);
	exposition_labels(name, (const char *const[]){"state", "not-yet", NULL});
	exposition_number(c.not_yet);
	exposition_labels(name, (const char *const[]){"state", "ended", NULL});
	exposition_number(c.ended);
	exposition_family(end, "When the first of those in force ends; missing if none is.");
	if (c.in_force) {
		exposition_sample(end);
		exposition_time(c.first_end_ms);
	}
}

static void put_transfers(const struct transfers *all)
{
	uint64_t open = 0, mismatch = 0;

	for (size_t i = 0; i < all->n; i++) {
		open += !all->list[i].received;
		mismatch += all->list[i].received && !all->list[i].receipt.match;
	}
	exposition_gauge("custody_transfers_open", "Transfers released and not received.", open);
	exposition_gauge("custody_transfers_mismatched",
			 "Transfers of which not all arrived as it was released.", mismatch);
	exposition_gauge("custody_transfers_lost", "Documents of transfers that are missing.",
			 all->lost);
}

static void put_alarms(const struct cmd_alarms *alarms)
{
	uint64_t n;

	exposition_family("custody_alarms", "Alarms that stand, by their id.");
	for (const char *const *id = cmd_alarm_ids; *id; id++) {
		n = 0;
		for (size_t i = 0; i < alarms->n; i++)
			n += !strcmp(alarms->list[i].id, *id);
		exposition_labels("custody_alarms", (const char *const[]){"id", *id, NULL});
		exposition_number(n);
	}
}

void cmd_status_metrics(const struct cmd_status *st, const struct cmd_alarms *alarms)
{
#define JOURNAL(member) offsetof(struct cmd_status_journal, member)
	put_info(st);
	put_holdings(st);
	put_journals(st, "custody_journal_bytes", "The journal's file.", JOURNAL(bytes));
	put_journals(st, "custody_journal_events", "Events that this node has checked.",
		     JOURNAL(indexed));
	put_journals(st, "custody_journal_signed_events",
		     "Events that the journal's checkpoint covers.", JOURNAL(covered));
	put_journals(st, "custody_journal_cosigned_events", "Events that a witness has cosigned.",
		     JOURNAL(cosigned));
	put_journals(st, "custody_journal_unchecked_bytes", "Bytes not checked yet.",
		     JOURNAL(behind));
	put_journals(st, "custody_journal_damage", "Damage it tells of and no repair settled.",
		     JOURNAL(damaged));
	put_journal_times(st);
	put_releases(st);
	put_transfers(&st->transfers);
	put_alarms(alarms);
#undef JOURNAL
}
