// SPDX-License-Identifier: Apache-2.0
/* custody node-init: this host's key, and its request to be enrolled. */
#include "tools/cmd.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"
#include "fs/backup_log.h"
#include "index/journal.h"
#include "tools/ui_json.h"
#include "tools/verb.h"

#define POOL_BYTES 16384

static const char help[] =
	"Usage: custody [--node DIR] node-init ARCHIVE [OPTION]... -o REQUEST\n"
	"Make this host's node key, if it has none yet, and a signed request to be enrolled in the\n"
	"archive. The archive's keys are pinned: compare their fingerprints with the authority's.\n"
	"\n"
	"  -o, --output FILE      where the enrolment request goes ('-': standard output)\n"
	"      --role ROLE        reader (default), ingest, or ingest,reader\n"
	"      --name NAME        how the node is shown to people (default: the host's name)\n"
	"      --replaces NODE    it goes on in the place of a node that was lost (name, id, or the\n"
	"                         beginning of one): the request names that node's log, and how far it goes\n"
	"      --no-passphrase    keep a new key raw: whoever can read DIR/node.key has it\n"
	"      --node DIR, --json, -q, --force, --passphrase-file F, --passphrase-fd N\n"
	"\n"
	"Next: have the authority answer it (custody-authority enrol), then import the answer.\n"
	"Exit codes: 0 done, 1 system, 2 usage, 3 key or passphrase, 4 forged, 5 not an archive.\n";

struct init {
	struct ui *ui;
	const char *archive, *output, *role, *name, *replaces;
	unsigned roles;
	bool made, raw; /* the key is new; it has no passphrase */
	struct secret_pool *pool;
	struct archive *a;
	struct node *node;
	char host[ROSTER_NAME_MAX];
};

static int parse(struct init *in, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"output", 1, NULL, 'o'},
					      {"role", 1, NULL, 'r'},
					      {"name", 1, NULL, 'n'},
					      {"replaces", 1, NULL, 'p'},
					      {NULL, 0, NULL, 0}};
	int c, code;

	while ((c = verb_option(in->ui, argc, argv, VERB_SHORT "o:", longs, help, &code)) >= 0) {
		if (c == 'o')
			in->output = optarg;
		else if (c == 'r')
			in->role = optarg;
		else if (c == 'p')
			in->replaces = optarg;
		else
			in->name = optarg;
	}
	if (c == VERB_STOP)
		return code;
	code = verb_operands(in->ui, argc, 1, 1, "one ARCHIVE");
	if (code)
		return code;
	in->archive = argv[optind];
	in->roles = roster_roles_parse((struct text_span){in->role, strlen(in->role)});
	if (!in->roles)
		return ui_usage(in->ui, "--role %s: must be reader, ingest or ingest,reader",
				in->role);
	if (!in->output)
		return ui_usage(in->ui, "-o REQUEST is needed: where the enrolment request goes");
	if (in->ui->json && !strcmp(in->output, "-"))
		return ui_usage(in->ui, "--json and -o - both want standard output");
	return -1;
}

/* Is it a key that no passphrase guards? What is no key at all is for node_create() to say. */
static bool is_raw(const char *path)
{
	struct wire_out file = {0};
	bool raw = file_read(AT_FDCWD, path, 2 * IDENTITY_KEYFILE_SIZE, &file, NULL) == 0 &&
		   identity_keyfile_mode(file.p, file.n, IDENTITY_KIND_NODE) == 0;

	wire_out_wipe(&file);
	return raw;
}

/* The key there is, or a new one. */
static int open_node(struct init *in, struct err *e)
{
	char dir[PATH_MAX], path[PATH_MAX + 16];
	node_passphrase *pass = ui_passphrase;
	struct stat st;
	int rc;

	rc = node_default_dir(dir, sizeof(dir), in->ui->node, e);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/node.key", dir);
	in->made = lstat(path, &st) < 0;
	if (!in->made && is_raw(path) && (in->ui->pass_file || in->ui->pass_fd >= 0))
		return err_set(e, ERR_USAGE,
			       "%s has no passphrase, and is not given one: leave out "
			       "--passphrase-file and --passphrase-fd, or make another node",
			       path);
	if (in->made && in->ui->no_passphrase)
		pass = NULL;
	in->raw = in->made && !pass;
	return node_create(&in->node, dir, in->pool, pass, in->ui, e);
}

static int no_line(void *ctx, const struct event *ev, struct err *e)
{
	(void)ctx, (void)ev, (void)e;
	return 0;
}

/* The log of the lost node, all whole lines of it, checked against its checkpoint. */
static int find_lost(const struct init *in, struct note_checkpoint *cp, struct err *e)
{
	struct backup_log_ask ask = {.a = in->a, .before = -1, .line = no_line};
	const struct roster_node *lost;
	struct backup_log log;
	struct roster *r = NULL;
	int rc;

	*cp = (struct note_checkpoint){.size = 0};
	if (!in->replaces)
		return 0;
	rc = roster_load(&r, in->a, NULL, e);
	if (rc == 0)
		rc = cmd_find_node(r, in->replaces, &lost, e);
	if (rc == 0 && memcmp(lost->pub.id, node_identity(in->node)->pub.id, 16) == 0)
		rc = err_set(e, ERR_USAGE,
			     "a node can't replace itself: name the one that was lost");
	if (rc == 0) {
		ask.roster = r;
		rc = backup_log_read(&log, &ask, lost->pub.id, e);
		cp->size = log.lines;
		memcpy(cp->root, log.root, sizeof(cp->root));
		journal_origin(cp->origin, in->a->desc.id, lost->pub.id);
		backup_log_free(&log);
	}
	roster_free(r);
	return rc;
}

static int make(struct init *in, struct err *e)
{
	struct wire_out request = {0};
	struct note_checkpoint lost;
	int rc;

	rc = ui_check_output(in->ui, in->output, e);
	if (rc == 0)
		rc = secret_pool_new(&in->pool, POOL_BYTES, e);
	if (rc == 0)
		rc = archive_open(&in->a, in->archive, e);
	if (rc == 0)
		rc = open_node(in, e);
	if (rc == 0)
		rc = node_archive_pin(in->node, in->a, e);
	if (rc == 0)
		rc = find_lost(in, &lost, e);
	if (rc == 0)
		rc = roster_request_make(&request, in->a->desc.id, node_identity(in->node),
					 in->name, in->roles, ui_now(), &lost, e);
	if (rc == 0)
		rc = ui_write_file(in->output, request.p, request.n, e);
	wire_out_free(&request);
	return rc;
}

static void print_json(const struct init *in)
{
	const struct archive_desc *d = &in->a->desc;
	char print[SSHKEY_FINGERPRINT_SIZE];
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "archive", d->id);
	ui_json_id(&j, "node", node_identity(in->node)->pub.id);
	ui_json_text(&j, "name", in->name);
	ui_json_text(&j, "role", roster_roles_text(in->roles));
	ui_json_text(&j, "directory", node_dir(in->node));
	ui_json_bool(&j, "new_key", in->made);
	ui_json_text(&j, "request", in->output);
	ui_json_number(&j, "threshold", d->threshold);
	ui_json_begin(&j, "keys", '[');
	for (size_t i = 0; i < d->keys; i++) {
		sshkey_fingerprint(print, &d->key[i]);
		ui_json_text(&j, NULL, print);
	}
	ui_json_end(&j, ']');
	ui_json_end(&j, '}');
	ui_json_line(&j);
}

static void print(const struct init *in)
{
	const struct archive_desc *d = &in->a->desc;
	FILE *f = strcmp(in->output, "-") ? stdout : stderr;
	char print[SSHKEY_FINGERPRINT_SIZE], archive[33], node[33];

	text_hex(archive, d->id, 16);
	text_hex(node, node_identity(in->node)->pub.id, 16);
	fprintf(f, "archive %s, %u of %zu keys sign for it:\n", archive, d->threshold, d->keys);
	for (size_t i = 0; i < d->keys; i++) {
		sshkey_fingerprint(print, &d->key[i]);
		fprintf(f, "  %s ", print);
		ui_fput_name(f, d->key[i].comment, strlen(d->key[i].comment));
		fputc('\n', f);
	}
	fprintf(f, "node    %s  ", node);
	ui_fput_name(f, in->name, strlen(in->name));
	fprintf(f, " (%s)\n", roster_roles_text(in->roles));
	ui_say(in->ui,
	       "Compare the fingerprints with the authority's, and have the authority compare "
	       "the node id, by another way than this file took.");
	if (in->raw)
		ui_say(in->ui,
		       "The node key has no passphrase: whoever can read %s/node.key has it.",
		       node_dir(in->node));
	ui_say(in->ui,
	       "Next: the authority answers %s (custody-authority enrol); import the answer.",
	       in->output);
}

int cmd_node_init(struct ui *ui, int argc, char **argv)
{
	struct init in = {.ui = ui, .role = "reader"};
	struct err e = {0};
	int rc = parse(&in, argc, argv);

	if (rc >= 0)
		return rc;
	if (!in.name) {
		gethostname(in.host, sizeof(in.host) - 1);
		in.name = in.host[0] ? in.host : "node";
	}
	rc = make(&in, &e);
	if (rc == 0 && ui->json)
		print_json(&in);
	else if (rc == 0 && !ui->quiet)
		print(&in);
	node_close(in.node);
	archive_close(in.a);
	secret_pool_free(in.pool);
	return rc < 0 ? ui_fail(ui, rc, &e) : 0;
}
