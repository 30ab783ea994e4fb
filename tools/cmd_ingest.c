// SPDX-License-Identifier: Apache-2.0
/* custody ingest: one accession. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd_derive.h"
#include "tools/cmd_ingest.h"
#include "tools/stop.h"
#include "tools/verb.h"

#define WORKERS_MAX 256

static const char help[] =
	"Usage: custody ingest ARCHIVE SOURCE... --collection NAME [OPTION]...\n"
	"       custody ingest ARCHIVE --watch DIR --collection NAME [--move] [OPTION]...\n"
	"Take files into custody: each is sealed under a key of its own, which this host forgets.\n"
	"A SOURCE is a folder, with all below it; a tar (plain, or .gz .bz2 .xz .zst .lz4 .lzma) or\n"
	"zip, whose members are taken and never unpacked to a disk; or another file. A folder or archive\n"
	"that is a BagIt bag is verified first. An archive or bag that is damaged, or tries to deceive,\n"
	"is refused as a whole. Links and devices are not taken. When a file or folder could not be\n"
	"read, the rest is taken in and the exit code is 1. The SOURCE - is standard input, up to 1 GiB.\n"
	"What this node took in before, of the same content and under the same name, is not taken in\n"
	"again: an ingest that was broken off is repeated, and takes in what is missing.\n"
	"\n"
	"  -c, --collection NAME  the top folder that the items appear under\n"
	"  -m, --manifest FILE    a table (CSV or JSON Lines) that tells about the files: its columns\n"
	"                         are kept; sha256 and bytes, where it has them, must be right, which\n"
	"                         is seen to before anything is taken in\n"
	"      --meta KEY=VALUE   kept with every item; may be given many times. A KEY that is a column\n"
	"                         of manifests (site_id, lane, ...) says it where nothing better does\n"
	"      --time-zone ZONE   what times without a zone mean: America/Chicago, -06:00. Without it\n"
	"                         they are kept as local times\n"
	"      --derived-from PATH|ITEM-ID\n"
	"                         what is taken in was made from this item; needs --action\n"
	"      --action TEXT      what was done: 'redacted the driver', 'cropped'\n"
	"      --tool TEXT        and with what\n"
	"      --extract-embedded images that lie in sidecars become items too, derived from them\n"
	"      --partial          leave out files that are not what the manifest says, or have not the\n"
	"                         fields that the archive asks for, and rows whose file is missing: they\n"
	"                         are told of, and listed in an item of the accession\n"
	"  -n, --dry-run          look and compare only: lists what would be taken in\n"
	"  -f, --format FORMAT    what each SOURCE is: auto (by its name; the default), folder, file,\n"
	"                         tar, zip, bag\n"
	"      --name NAME        what standard input (the SOURCE -) is called: a file is kept under it\n"
	"      --max-members N    refuse an archive with more members (default 5000000; 0: any number)\n"
	"      --max-bytes SIZE   refuse an archive with more content (default 0: any size); K M G T\n"
	"      --max-ratio N      refuse an archive that unpacks to more than N times its size, beyond\n"
	"                         64 MiB (default 200; 0: any)\n"
	"      --again            take in also what was taken in before, as new items\n"
	"      --skip-known-content\n"
	"                         leave out content that was taken in before under any name\n"
	"      --read-back        read each item back from the disk, open it and compare it before it is\n"
	"                         acknowledged; what is known must lie in the archive as it was logged\n"
	"      --epoch N          seal to this release epoch (default: the newest)\n"
	"      --workers N        how many seal at once (default: one a processor)\n"
	"      --node DIR, --json, -q, --passphrase-file F, --passphrase-fd N\n" CMD_WATCH_HELP "\n"
	"Interrupted, it finishes what is committed and stops: that stays in custody.\n"
	"Exit codes: 0 done, 1 stopped, no such file, a source without any, something could not be read,\n"
	"or system, 2 usage, 3 key or passphrase, 4 a file is not what the manifest says, 5 malformed\n"
	"manifest, 6 busy, 7 this node may not ingest, or an item lacks what the archive asks for.\n";

enum { OPT_NAME = 2000, OPT_MEMBERS, OPT_BYTES, OPT_RATIO };

/* KEY=VALUE into the record, as meta.KEY. */
static int add_meta(struct cmd_ingest *c, const char *arg)
{
	const char *eq = strchr(arg, '=');
	char key[RECORD_KEY_MAX + 1];
	struct text_span v;
	int n;

	if (!eq || eq == arg || !eq[1])
		return ui_usage(c->ui, "--meta %s: must be KEY=VALUE", arg);
	n = snprintf(key, sizeof(key), "meta.%.*s", (int)(eq - arg), arg);
	if (n < 0 || n >= (int)sizeof(key))
		return ui_usage(c->ui, "--meta %s: the key is too long", arg);
	if (record_get(c->meta, key, &v))
		return ui_usage(c->ui, "--meta %s: this key was given before", arg);
	if (record_set_text(c->meta, key, eq + 1) < 0)
		return ui_usage(c->ui, "--meta %s: keys are of a-z 0-9 . _ -, values of UTF-8",
				arg);
	return 0;
}

static int take_zone(struct cmd_ingest *c)
{
	struct err e = {0};

	if (moment_zone_parse(&c->zone, optarg, &e) != 0)
		return ui_usage(c->ui, "--time-zone: %s", e.text);
	c->ask.zone = &c->zone;
	return 0;
}

static int set_format(struct cmd_ingest *c, const char *arg)
{
	static const struct {
		const char *name;
		enum source_format format;
	} formats[] = {
		{"auto", SOURCE_AUTO}, {"folder", SOURCE_FOLDER}, {"file", SOURCE_FILE},
		{"tar", SOURCE_TAR},   {"zip", SOURCE_ZIP},	  {"bag", SOURCE_BAG},
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(arg, formats[i].name) == 0) {
			c->ask.format = formats[i].format;
			return 0;
		}
	}
	return ui_usage(c->ui, "--format %s: must be auto, folder, file, tar, zip or bag", arg);
}

/* A number of bytes, with K, M, G or T for powers of 1024. */
static int set_size(const struct cmd_ingest *c, const char *option, const char *arg, uint64_t *out)
{
	static const char units[] = "KMGT";
	char number[24];
	size_t n = strlen(arg);
	const char *unit = n ? strchr(units, arg[n - 1]) : NULL;
	unsigned shift = unit && *unit ? 10 * (unsigned)(unit - units + 1) : 0;
	int code;

	snprintf(number, sizeof(number), "%.*s", (int)(shift ? n - 1 : n), arg);
	code = verb_number(c->ui, option, number, 0, UINT64_MAX >> shift, out);
	*out <<= shift;
	return code;
}

static int take(struct cmd_ingest *c, int opt)
{
	uint64_t n;
	int code = cmd_watch_option(&c->watch, opt, optarg);

	if (code >= 0)
		return code;
	switch (opt) {
	case 'c':
		c->ask.collection = optarg;
		return 0;
	case 'm':
		c->ask.manifest = optarg;
		return 0;
	case 'n':
		c->ask.dry_run = true;
		return 0;
	case 'D':
		c->derived_from = optarg;
		return 0;
	case 'A':
		c->action = optarg;
		return 0;
	case 'T':
		c->tool = optarg;
		return 0;
	case 'X':
		c->ask.extract = true;
		return 0;
	case 'p':
		c->ask.partial = true;
		return 0;
	case 'z':
		return take_zone(c);
	case 'a':
		c->again = true;
		return 0;
	case 's':
		c->ask.known = KNOWN_POLICY_CONTENT;
		return 0;
	case 'r':
		c->ask.read_back = true;
		return 0;
	case 'e':
		code = verb_number(c->ui, "--epoch", optarg, 1, UINT32_MAX, &n);
		c->ask.epoch = (uint32_t)n;
		return code;
	case 'w':
		code = verb_number(c->ui, "--workers", optarg, 1, WORKERS_MAX, &n);
		c->ask.workers = (unsigned)n;
		return code;
	case 'f':
		return set_format(c, optarg);
	case OPT_NAME:
		c->ask.name = optarg;
		return 0;
	case OPT_MEMBERS:
		return verb_number(c->ui, "--max-members", optarg, 0, UINT64_MAX,
				   &c->ask.limits.members);
	case OPT_BYTES:
		return set_size(c, "--max-bytes", optarg, &c->ask.limits.bytes);
	case OPT_RATIO:
		return verb_number(c->ui, "--max-ratio", optarg, 0, UINT64_MAX,
				   &c->ask.limits.ratio);
	default:
		return add_meta(c, optarg);
	}
}

static int check_watch(const struct cmd_ingest *c)
{
	if (!c->watch.ask.spool.dir)
		return c->watch.asked ?
			       ui_usage(c->ui, "an option was given that only --watch has") :
			       0;
	if (c->ask.manifest || c->ask.partial || c->ask.dry_run || c->again)
		return ui_usage(c->ui, "--manifest, --partial, --dry-run and --again don't go with "
				       "--watch");
	return 0;
}

static int parse(struct cmd_ingest *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"collection", 1, NULL, 'c'},
					      {"manifest", 1, NULL, 'm'},
					      {"meta", 1, NULL, 'k'},
					      {"time-zone", 1, NULL, 'z'},
					      {"derived-from", 1, NULL, 'D'},
					      {"action", 1, NULL, 'A'},
					      {"tool", 1, NULL, 'T'},
					      {"extract-embedded", 0, NULL, 'X'},
					      {"partial", 0, NULL, 'p'},
					      {"again", 0, NULL, 'a'},
					      {"skip-known-content", 0, NULL, 's'},
					      {"read-back", 0, NULL, 'r'},
					      {"dry-run", 0, NULL, 'n'},
					      {"format", 1, NULL, 'f'},
					      {"name", 1, NULL, OPT_NAME},
					      {"max-members", 1, NULL, OPT_MEMBERS},
					      {"max-bytes", 1, NULL, OPT_BYTES},
					      {"max-ratio", 1, NULL, OPT_RATIO},
					      {"epoch", 1, NULL, 'e'},
					      {"workers", 1, NULL, 'w'},
					      CMD_WATCH_OPTIONS,
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT "c:m:nf:", longs, help, &code)) >=
	       0) {
		code = take(c, opt);
		if (code)
			return code;
	}
	if (opt == VERB_STOP)
		return code;
	code = c->watch.ask.spool.dir ?
		       verb_operands(c->ui, argc, 1, 1, "ARCHIVE alone, with --watch,") :
		       verb_operands(c->ui, argc, 2, argc, "ARCHIVE and SOURCE...");
	if (code == 0)
		code = check_watch(c);
	if (code)
		return code;
	if (!c->ask.collection)
		return ui_usage(c->ui, "--collection NAME is needed: the top folder of the items");
	if (!record_name_ok(c->ask.collection, strlen(c->ask.collection)))
		return ui_usage(c->ui, "--collection %s: must be one name without '/', not . or ..",
				c->ask.collection);
	if ((c->action || c->tool) && !c->derived_from)
		return ui_usage(c->ui,
				"--action and --tool are about an item: name it by --derived-from");
	if (c->derived_from && (!c->action || !c->action[0]))
		return ui_usage(c->ui, "--derived-from needs --action TEXT: what was done to it");
	if (c->again && c->ask.known == KNOWN_POLICY_CONTENT)
		return ui_usage(c->ui, "--again and --skip-known-content exclude each other");
	if (c->again)
		c->ask.known = KNOWN_POLICY_NONE;
	c->archive = argv[optind];
	c->ask.sources = (const char *const *)argv + optind + 1;
	c->ask.nsources = (size_t)(argc - optind - 1);
	return -1;
}

static int run(struct cmd_ingest *c, struct ingest_sum *sum, struct err *e)
{
	struct station *s = NULL;
	int rc;

	rc = cmd_open(&s, c->ui, c->archive, c->ask.dry_run ? STATION_NO_JOURNAL : 0, e);
	if (rc < 0)
		return rc;
	if (c->derived_from)
		rc = cmd_derive_set(c->link, s, c->derived_from, c->action, c->tool, e);
	if (rc < 0)
		return cmd_close(s, rc, e);
	stop_catch();
	c->ui->progress_bytes = true;
	rc = intake_run(s, &c->ask, sum, e);
	ui_progress_end(c->ui);
	return cmd_close(s, rc, e);
}

static int run_watch(struct cmd_ingest *c)
{
	c->watch.archive = c->archive;
	c->watch.ask.ingest = (struct ingest_ask){
		.collection = c->ask.collection,
		.epoch = c->ask.epoch,
		.user = c->user,
		.uid = c->ask.uid,
		.host = c->host,
		.workers = c->ask.workers,
		.meta = c->meta,
		.known = c->ask.known,
	};
	c->watch.ask.ingest.read_back = c->ask.read_back;
	c->watch.ask.zone = c->ask.zone;
	return cmd_watch_run(&c->watch);
}

int cmd_ingest(struct ui *ui, int argc, char **argv)
{
	struct cmd_ingest c = {
		.ui = ui,
		.ask.known = KNOWN_POLICY_PLACE,
		.ask.limits = {.members = SOURCE_MEMBERS_MAX, .ratio = SOURCE_RATIO_MAX},
	};
	struct ingest_sum sum = {0};
	struct err e = {0};
	int code, rc;

	cmd_watch_init(&c.watch, ui);
	if (record_new(&c.meta) < 0 || record_new(&c.link) < 0) {
		record_free(c.meta);
		return ui_fail(ui, ERR_NOMEM, NULL);
	}
	code = parse(&c, argc, argv);
	if (code >= 0)
		goto out;
	ui_user(c.user, sizeof(c.user));
	if (gethostname(c.host, sizeof(c.host) - 1) < 0 || !c.host[0])
		snprintf(c.host, sizeof(c.host), "localhost");
	c.ask.user = c.user;
	c.ask.host = c.host;
	c.ask.uid = getuid();
	c.ask.meta = c.meta;
	c.ask.link = c.link;
	cmd_ingest_tell(&c);
	if (c.watch.ask.spool.dir) {
		code = run_watch(&c);
		goto out;
	}
	rc = run(&c, &sum, &e);
	if (rc == 0 || sum.items)
		cmd_ingest_print(&c, &sum, rc != 0);
	if (rc == 0 && sum.unread)
		rc = err_set(&e, ERR_SYSTEM,
			     "incomplete: %" PRIu64 " of what the sources hold could not be taken "
			     "in, as told above",
			     sum.unread);
	code = rc < 0 ? ui_fail(ui, rc, &e) : 0;
out:
	record_free(c.meta);
	record_free(c.link);
	return code;
}
