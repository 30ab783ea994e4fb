// SPDX-License-Identifier: Apache-2.0
/*
 * custody: the verbs of nodes, archives and auditors.
 */
#include "tools/cmd.h"
#include "tools/verb.h"

static const char about[] = "Take evidence into custody, ask for its release, and check its log.";

static const struct verb verbs[] = {
	{NULL, NULL, "A node of an archive"},
	{"node-init", cmd_node_init, "make this host's key and ask to be enrolled"},
	{"import", cmd_import, "admit what officers signed"},
	{"status", cmd_status, "what an operator needs at a glance"},
	{"reindex", cmd_reindex, "build the index anew from journals and segments"},
	{NULL, NULL, "Evidence"},
	{"ingest", cmd_ingest, "take files into custody"},
	{"ls", cmd_ls, "list names, sizes and times"},
	{"find", cmd_find_verb, "items by plate, place, time, event, case, digest"},
	{"show", cmd_show, "all that is known of one item"},
	{"why", cmd_why, "may it be read now, and if not, why"},
	{"request", cmd_request, "ask the authority to release items"},
	{"export", cmd_export, "a package of what an authorisation covers, sealed to a recipient"},
	{"accept", cmd_accept, "is a package whole, genuine, and allowed to be here"},
	{"transfer", cmd_transfer, "hand accessions over to another organisation, or receive them"},
	{NULL, NULL, "The custody log"},
	{"log", cmd_log, "what happened, in order of time"},
	{"impact", cmd_impact, "what could have been released, by a node or officer, in a time"},
	{"trace", cmd_trace, "is this file ours, and who could have let it out"},
	{"verify", cmd_verify, "check the whole archive; needs no key and no node"},
	{"prove", cmd_prove, "a receipt that proves one item's custody to anybody"},
	{"report", cmd_report, "a custody report for people, with what proves it"},
	{"check", cmd_check, "does a receipt hold; needs no archive"},
	{"checkpoint", cmd_checkpoint, "sign and print how far the log goes"},
	{NULL, NULL, "Safe keeping"},
	{"backup", cmd_backup, "keep the archive a second time; needs no key and no node"},
	{"restore", cmd_restore, "put an archive back from a backup"},
	{"repair", cmd_repair, "replace what is damaged by what a backup has intact"},
	{NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return verb_main("custody", about, verbs, true, argc, argv);
}
