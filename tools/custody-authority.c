// SPDX-License-Identifier: Apache-2.0
/*
 * custody-authority: the verbs of who holds the release keys. Installed only where they are.
 */
#include "tools/auth.h"
#include "tools/verb.h"

static const char about[] = "Make archives, enrol nodes, and answer requests for release.";

static const struct verb verbs[] = {
	{NULL, NULL, "Set-up"},
	{"init", auth_init, "make the authority's release and catalogue keys"},
	{"create-archive", auth_create_archive, "a new archive directory, signed"},
	{"enrol", auth_enrol, "answer a node's enrolment request"},
	{"show", auth_show, "archives, nodes, and what was issued"},
	{"backup", auth_backup,
	 "seal a copy of the directory: without any, nothing is released again"},
	{"restore", auth_restore, "make the directory from such a copy"},
	{NULL, NULL, "Release"},
	{"review", auth_review, "check a request, and show what is asked for"},
	{"authorise", auth_authorise, "answer a request"},
	{"revoke", auth_revoke, "end an authorisation, a node or a key"},
	{"rotate", auth_rotate, "other authorisation keys for an archive"},
	{"accept-restore", auth_accept_restore,
	 "let a node go on from an archive that was put back"},
	{"sign", auth_sign, "add an officer's signature to a document"},
	{NULL, NULL, "The custody logs"},
	{"witness", auth_witness, "cosign the checkpoints of logs that only grew"},
	{NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	return verb_main("custody-authority", about, verbs, false, argc, argv);
}
