// SPDX-License-Identifier: Apache-2.0
/* custody transfer: hand accessions over to another organisation, receive them, and see what is open. */
#include "tools/cmd_transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ui_json.h"

static const char help[] =
	"Usage: custody transfer release ARCHIVE [ACCESSION]... -o FILE OPTION...\n"
	"       custody transfer receive ARCHIVE RELEASE -o FILE OPTION...\n"
	"       custody transfer list ARCHIVE\n"
	"Hand accessions over to another organisation, so that both have signed for it.\n"
	"\n"
	"release: write what is handed over, with a digest of each segment, for the officers of the\n"
	"archive to sign; without an ACCESSION all of them. Have it signed, import it, and send it with\n"
	"the archive's copy.\n"
	"      --from ORG, --from-person NAME     who hands over\n"
	"      --to ORG, --to-person NAME         to whom\n"
	"      --to-key PUB           a public key file of their officers, who will sign the receipt; may\n"
	"                             be given many times\n"
	"      --to-threshold N       how many of them must sign; all by default\n"
	"      --medium TEXT, --medium-serial TEXT, --encryption TEXT\n"
	"                             what it travels on, its serial number, and how it is encrypted\n"
	"      --purpose TEXT         what for\n"
	"      --legal-basis TEXT     on what ground\n"
	"\n"
	"receive: at the other side, once the signed release was imported there: compute the digests\n"
	"again, and write the receipt for their officers to sign. It is then imported at both sides.\n"
	"RELEASE is its file or its serial.\n"
	"      --person NAME          who receives\n"
	"      --medium-serial TEXT   as read off the medium\n"
	"      --remark TEXT          anything else to be told\n"
	"\n"
	"list: all transfers of the archive. One that is released and not received is open.\n"
	"\n"
	"  -o, --output FILE          where the document goes ('-': standard output)\n"
	"      --node DIR, --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"A reader node is needed.\n"
	"Exit codes: 0 done, 1 no such accession, system or index, 2 usage, 3 key or passphrase,\n"
	"4 what arrived is not what was released (the receipt is written, and says so), or the archive is\n"
	"damaged, 5 not ours, 6 busy, 7 not this node's to do, or the release was answered before.\n";

enum {
	OPT_FROM = 1,
	OPT_FROM_PERSON,
	OPT_TO,
	OPT_TO_PERSON,
	OPT_TO_KEY,
	OPT_THRESHOLD,
	OPT_MEDIUM,
	OPT_SERIAL,
	OPT_ENCRYPTION,
	OPT_PURPOSE,
	OPT_BASIS,
	OPT_PERSON,
	OPT_REMARK
};

static const struct option longs[] = {UI_OPTIONS,
				      {"output", 1, NULL, 'o'},
				      {"from", 1, NULL, OPT_FROM},
				      {"from-person", 1, NULL, OPT_FROM_PERSON},
				      {"to", 1, NULL, OPT_TO},
				      {"to-person", 1, NULL, OPT_TO_PERSON},
				      {"to-key", 1, NULL, OPT_TO_KEY},
				      {"to-threshold", 1, NULL, OPT_THRESHOLD},
				      {"medium", 1, NULL, OPT_MEDIUM},
				      {"medium-serial", 1, NULL, OPT_SERIAL},
				      {"encryption", 1, NULL, OPT_ENCRYPTION},
				      {"purpose", 1, NULL, OPT_PURPOSE},
				      {"legal-basis", 1, NULL, OPT_BASIS},
				      {"person", 1, NULL, OPT_PERSON},
				      {"remark", 1, NULL, OPT_REMARK},
				      {NULL, 0, NULL, 0}};

/* -1 to go on, else the exit code. */
static int take(struct cmd_transfer *t, int c)
{
	const char **text[] = {[OPT_FROM] = &t->from,
			       [OPT_FROM_PERSON] = &t->from_person,
			       [OPT_TO] = &t->to,
			       [OPT_TO_PERSON] = &t->to_person,
			       [OPT_MEDIUM] = &t->medium,
			       [OPT_SERIAL] = &t->medium_serial,
			       [OPT_ENCRYPTION] = &t->encryption,
			       [OPT_PURPOSE] = &t->purpose,
			       [OPT_BASIS] = &t->legal_basis,
			       [OPT_PERSON] = &t->person,
			       [OPT_REMARK] = &t->remark};
	int code;

	if (c == 'o') {
		t->output = optarg;
	} else if (c == OPT_TO_KEY) {
		if (verb_add(&t->key_files, optarg) < 0)
			return ui_fail(t->ui, ERR_NOMEM, NULL);
	} else if (c == OPT_THRESHOLD) {
		code = verb_number(t->ui, "--to-threshold", optarg, 1, TRANSFER_KEYS_MAX,
				   &t->threshold);
		if (code)
			return code;
	} else {
		*text[c] = optarg;
	}
	return -1;
}

int cmd_transfer_text(char out[TRANSFER_TEXT_MAX], const char *option, const char *text,
		      struct err *e)
{
	size_t n = text ? strlen(text) : 0;

	if (n == 0)
		return err_set(e, ERR_USAGE, "%s is needed: it is part of what is signed", option);
	if (n >= TRANSFER_TEXT_MAX || !text_valid(text, n) || strchr(text, '\n'))
		return err_set(e, ERR_USAGE, "%s: must be one line of text, at most %d bytes",
			       option, TRANSFER_TEXT_MAX - 1);
	memcpy(out, text, n + 1);
	return 0;
}

/* ---- the list ---- */

static const char *state(const struct transfer *t)
{
	return !t->received ? "open" : t->receipt.match ? "received" : "mismatch";
}

static void print_one(const struct transfer *t)
{
	char serial[33], time[TEXT_TIME_SIZE];

	text_hex(serial, t->release.serial, 16);
	text_time_s(time, t->release.issued_ms / 1000);
	printf("%s  %-8s  %s  %zu accession%s, to ", serial, state(t), time, t->release.accessions,
	       ui_s(t->release.accessions));
	ui_put_name(t->release.to, strlen(t->release.to));
	printf(", medium ");
	ui_put_name(t->release.medium_serial, strlen(t->release.medium_serial));
	putchar('\n');
}

static void json_one(const struct transfer *t)
{
	const struct transfer_release *r = &t->release;
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "release", r->serial);
	ui_json_text(&j, "state", state(t));
	ui_json_time(&j, "issued", r->issued_ms);
	ui_json_text(&j, "from", r->from);
	ui_json_text(&j, "from_person", r->from_person);
	ui_json_text(&j, "to", r->to);
	ui_json_text(&j, "to_person", r->to_person);
	ui_json_text(&j, "medium", r->medium);
	ui_json_text(&j, "medium_serial", r->medium_serial);
	ui_json_text(&j, "encryption", r->encryption);
	ui_json_text(&j, "purpose", r->purpose);
	if (*r->legal_basis)
		ui_json_text(&j, "legal_basis", r->legal_basis);
	ui_json_begin(&j, "accessions", '[');
	for (size_t i = 0; i < r->accessions; i++)
		ui_json_id(&j, NULL, r->accession[i].id);
	ui_json_end(&j, ']');
	ui_json_number(&j, "segments", r->segments);
	if (t->received) {
		ui_json_id(&j, "receipt", t->receipt.serial);
		ui_json_time(&j, "received", t->receipt.issued_ms);
		ui_json_text(&j, "received_by", t->receipt.person);
		ui_json_text(&j, "received_medium_serial", t->receipt.medium_serial);
	}
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static int list(struct cmd_transfer *t)
{
	struct station *s = NULL;
	struct transfers all = {0};
	struct err e = {0};
	int rc = cmd_open(&s, t->ui, t->archive, STATION_NO_JOURNAL, &e);

	if (rc == 0)
		rc = transfer_list(&all, s->archive, s->roster, s->db, &e);
	for (size_t i = 0; rc == 0 && i < all.n; i++) {
		if (t->ui->json)
			json_one(&all.list[i]);
		else
			print_one(&all.list[i]);
	}
	if (rc == 0 && all.unjudged)
		ui_say(t->ui,
		       "%zu release%s signed by keys of an earlier archive.txt, in a log that has not "
		       "met the newer one, which can't be judged: 'custody verify' names it",
		       all.unjudged, ui_s(all.unjudged));
	if (rc == 0 && all.lost)
		rc = err_set(&e, ERR_DAMAGED,
			     "documents/ lacks %zu document%s of transfers that were admitted: run "
			     "'custody verify'",
			     all.lost, ui_s(all.lost));
	transfers_free(&all);
	rc = cmd_close(s, rc, &e);
	return rc < 0 ? ui_fail(t->ui, rc, &e) : 0;
}

/* ---- the verb ---- */

static int run(struct cmd_transfer *t, const char *what)
{
	const bool is_list = !strcmp(what, "list"), is_release = !strcmp(what, "release");

	if (!is_list && !is_release && strcmp(what, "receive") != 0)
		return ui_usage(t->ui, "'%s': release, receive or list is what can be done", what);
	if (is_list && t->operands)
		return ui_usage(t->ui, "list takes ARCHIVE alone");
	if (!is_list && !t->output)
		return ui_usage(t->ui, "-o FILE is needed: where the document goes");
	if (!is_list && t->ui->json && !strcmp(t->output, "-"))
		return ui_usage(t->ui, "--json and -o - both want standard output");
	if (is_list)
		return list(t);
	return is_release ? cmd_transfer_release(t) : cmd_transfer_receive(t);
}

static int parse(struct cmd_transfer *t, int argc, char **argv)
{
	int c, code;

	while ((c = verb_option(t->ui, argc, argv, VERB_SHORT "o:", longs, help, &code)) >= 0) {
		code = take(t, c);
		if (code >= 0)
			return code;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(t->ui, argc, 2, argc, "release, receive or list, and ARCHIVE");
	if (code)
		return code;
	t->archive = argv[optind + 1];
	t->operand = argv + optind + 2;
	t->operands = argc - optind - 2;
	return -1;
}

int cmd_transfer(struct ui *ui, int argc, char **argv)
{
	struct cmd_transfer t = {.ui = ui};
	int code = parse(&t, argc, argv);

	if (code < 0)
		code = run(&t, argv[optind]);
	free(t.key_files.p);
	return code;
}
