// SPDX-License-Identifier: Apache-2.0
/*
 * custodyfs: mount an archive. The process forks before it unlocks keys, locks memory or opens the
 * index; the parent waits until the mount answers and leaves with the child's verdict.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "fs/catchup.h"
#include "fs/front.h"
#include "fs/mountpoint.h"
#include "tools/fuseconf.h"
#include "tools/mountopt.h"
#include "tools/teller.h"
#include "tools/ui.h"

#define FIRST_LOOK 2000u /* events; a tenth of a second at the most */

static const char help[] =
	"Usage: custodyfs [OPTION]... ARCHIVE MOUNTPOINT\n"
	"Present an evidence archive as read-only files. Content opens only under a release.\n"
	"\n"
	"  -o OPT[,OPT...]        allow_other, uid=N, gid=N, node=DIR, passphrase-file=F, idle=SECONDS,\n"
	"                         noviews (no by-date, by-port, by-plate), foreground, debug;\n"
	"                         options of mount(8) and fstab are accepted\n"
	"  -f, --foreground       stay in the foreground; messages go to stderr\n"
	"      --idle-timeout SECONDS\n"
	"                         unmount when nothing is open, and nothing was asked for that long\n"
	"      --node DIR         the node's directory (default: $CUSTODY_NODE, or\n"
	"                         ~/.config/custodyfs, for root /var/lib/custodyfs)\n"
	"      --passphrase-file F, --passphrase-fd N\n"
	"                         where the node's passphrase is read from\n"
	"  -q, --quiet            no talk, only errors\n"
	"  -h, --help             this help\n"
	"  -V, --version          version\n"
	"\n"
	"Returns when the mount answers. Unmount with: umount MOUNTPOINT, or fusermount3 -u MOUNTPOINT\n"
	"Exit codes: 0 done, 1 system or index, 2 usage, 3 key or passphrase, 4 damaged or forged\n"
	"evidence, 5 not ours or newer, 6 busy, 7 refused. See custodyfs(8).\n";

struct mount_ask {
	struct ui ui;
	struct front_options front;
	bool foreground;
	bool helper; /* mount(8) called */
	bool fake;   /* and wants nothing done */
	char extra[512];
	char archive[PATH_MAX], node[PATH_MAX], mountpoint[PATH_MAX];
	int ready_fd; /* -1 in the foreground, or once told */
	char **argv;
	struct teller teller;
};

static const struct option long_options[] = {UI_OPTIONS,
					     {"foreground", 0, NULL, 'f'},
					     {"debug", 0, NULL, 'd'},
					     {"idle-timeout", 1, NULL, 'i'},
					     {NULL, 0, NULL, 0}};

/* The exit code, 0 to go on. */
static int mount_options(struct mount_ask *m, char *list)
{
	struct mountopt o = {.uid = m->front.uid, .gid = m->front.gid};
	struct err e = {0};

	if (mountopt_parse(&o, list, &e) < 0)
		return ui_usage(&m->ui, "%s", e.text);
	m->front.allow_other |= o.allow_other;
	m->front.debug |= o.debug;
	m->front.noviews |= o.noviews;
	m->foreground |= o.foreground;
	m->front.idle_s = o.idle ? o.idle : m->front.idle_s;
	m->front.uid = o.uid;
	m->front.gid = o.gid;
	m->ui.node = o.node ? o.node : m->ui.node;
	m->ui.pass_file = o.pass_file ? o.pass_file : m->ui.pass_file;
	return 0;
}

/* mount(8) calls its helpers as: SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]. */
static bool is_helper(const char *name)
{
	const char *slash = strrchr(name, '/');

	return !strncmp(slash ? slash + 1 : name, "mount.", 6);
}

static int mount_type(struct mount_ask *m, const char *type)
{
	if (!strcmp(type, "custodyfs") || !strcmp(type, MOUNTPOINT_TYPE))
		return 0;
	return ui_usage(&m->ui, "-t %s: this mounts custodyfs", type);
}

static int idle_timeout(struct mount_ask *m, const char *s)
{
	struct err e = {0};

	return mountopt_idle(s, &m->front.idle_s, &e) < 0 ?
		       ui_usage(&m->ui, "--idle-timeout %s", e.text) :
		       0;
}

/* One option; the exit code, 0 to go on. */
static int option(struct mount_ask *m, int c)
{
	int code = 0;

	switch (c) {
	case 'o':
		return mount_options(m, optarg);
	case 'f':
		m->fake |= m->helper; /* -f of mount(8) */
		m->foreground |= !m->helper;
		return 0;
	case 'd':
		m->front.debug = m->foreground = true;
		return 0;
	case 'i':
		return idle_timeout(m, optarg);
	case 't':
		return mount_type(m, optarg);
	case 'N':
		return ui_usage(&m->ui, "-N: run it in that namespace with nsenter(1)");
	case 's':
	case 'n':
	case 'v':
		return 0;
	case '?':
		return ui_usage(&m->ui, "see custodyfs --help");
	default:
		ui_common(&m->ui, c, optarg, help, &code);
		return code;
	}
}

/* 0 to go on; else *code is the exit code. */
static int parse(struct mount_ask *m, int argc, char **argv, int *code)
{
	int c;

	ui_init(&m->ui, "custodyfs");
	m->front.uid = getuid();
	m->front.gid = getgid();
	m->ready_fd = -1;
	m->helper = is_helper(argv[0]);
	*code = 0;
	while ((c = getopt_long(argc, argv, "o:fdqhVsnvt:N:", long_options, NULL)) != -1) {
		*code = option(m, c);
		if (*code || c == UI_OPT_HELP || c == UI_OPT_VERSION)
			return 1;
	}
	if (argc - optind != 2) {
		*code = ui_usage(&m->ui, "ARCHIVE and MOUNTPOINT are needed; see custodyfs --help");
		return 1;
	}
	return m->fake;
}

/* Everything relative is made absolute: the daemon works in /. */
static int resolve(struct mount_ask *m, char **argv, struct err *e)
{
	bool cleared = false;
	int rc = m->front.allow_other ? fuseconf_allow_other(FUSECONF, e) : 0;

	if (rc < 0)
		return rc;
	if (!realpath(argv[0], m->archive))
		return err_sys(e, "%s", argv[0]);
	rc = node_default_dir(m->node, sizeof(m->node), m->ui.node, e);
	if (rc == 0 && m->node[0] != '/') {
		char *full = realpath(m->node, NULL);

		if (!full && errno == ENOENT)
			return err_set(e, ERR_KEY,
				       "there is no node in %s: 'custody node-init' makes one",
				       m->node);
		if (!full)
			return err_sys(e, "%s", m->node);
		snprintf(m->node, sizeof(m->node), "%s", full);
		free(full);
	}
	if (rc == 0)
		rc = mountpoint_prepare(argv[1], m->mountpoint, &cleared, e);
	if (cleared)
		ui_say(&m->ui, "%s: a dead mount was detached", m->mountpoint);
	m->front.mountpoint = m->mountpoint;
	m->front.source = m->archive;
	return rc;
}

static void tell_parent(struct mount_ask *m, unsigned char code)
{
	if (m->ready_fd < 0)
		return;
	if (write(m->ready_fd, &code, 1) != 1)
		teller_note(&m->teller, MESSAGE_FAILED, "the starting process is gone");
	close(m->ready_fd);
	m->ready_fd = -1;
}

static void on_log(void *ctx, enum message what, const char *line)
{
	struct mount_ask *m = ctx;

	/* What goes as it should is not for who waits for the mount. */
	if (message_level(what) >= LOG_INFO && !m->foreground)
		teller_note(&m->teller, what, line);
	else
		teller_put(&m->teller, what, line);
}

static void on_ready(void *ctx)
{
	struct mount_ask *m = ctx;

	teller_ready(&m->teller);
	if (m->ready_fd < 0)
		return;
	teller_leave_terminal(&m->teller);
	tell_parent(m, 0);
}

static void on_ending(void *ctx)
{
	struct mount_ask *m = ctx;

	teller_ending(&m->teller);
}

/* In the porter: it has a name of its own. */
static void on_porter(void *ctx)
{
	static const char name[] = "custodyfs";
	struct mount_ask *m = ctx;

	for (char **a = m->argv; *a; a++) {
		size_t n = strlen(*a);

		memset(*a, 0, n);
		if (a == m->argv) /* no longer than what it is called by */
			memcpy(*a, name, n < sizeof(name) ? n : sizeof(name) - 1);
	}
	teller_open(&m->teller, m->foreground, m->mountpoint);
	if (!m->foreground)
		teller_leave_terminal(&m->teller);
}

/* In the porter. */
static void on_death(void *ctx)
{
	struct mount_ask *m = ctx;

	teller_put(
		&m->teller, MESSAGE_DIED,
		"the daemon died: its mount was taken away, and who has files of it open may go on "
		"reading what is cached");
}

/*
 * A first look at the logs, before anything is shown: an archive that was rolled back or forked is
 * not mounted. A long backlog is taken in by the mount itself, while it serves.
 */
static int first_look(struct station *s, struct err *e)
{
	struct catchup_result r = {0};

	return catchup_run(s, FIRST_LOOK, &r, NULL, NULL, e);
}

/* Before keys are opened: what the process is to be able to do later, without being able to do much. */
static int prepare(struct mount_ask *m, struct err *e)
{
	const struct porter_ask porter = {m->mountpoint, on_porter, on_death, m};
	int rc;

	m->front.ready = on_ready;
	m->front.ending = on_ending;
	m->front.log = on_log;
	m->front.ctx = m;
	m->front.extra = m->extra;
	rc = porter_start(&m->front.porter, &porter, e);
	teller_open(&m->teller, m->foreground, m->mountpoint);
	return rc;
}

static int serve(struct mount_ask *m)
{
	struct station_ask ask = {.archive = m->archive,
				  .node_dir = m->node,
				  .flags = STATION_NO_CATCH_UP,
				  .pass = ui_passphrase,
				  .pass_ctx = &m->ui,
				  .notice = ui_notice,
				  .notice_ctx = &m->ui};
	struct station *s = NULL;
	struct err e = {0}, close_err = {0};
	int rc, closed, code;

	rc = prepare(m, &e);
	if (rc == 0)
		rc = secret_harden(&e);
	if (rc == 0)
		rc = station_open(&s, &ask, &e);
	if (rc == 0 && !(s->home->roles & ROSTER_READER))
		rc = err_set(&e, ERR_ROLE,
			     "this node is not enrolled as a reader: it holds no key "
			     "that opens names, so there is nothing to mount");
	if (rc == 0)
		rc = first_look(s, &e);
	if (!m->foreground && rc == 0 && (setsid() < 0 || chdir("/") < 0))
		rc = err_sys(&e, "can't become a daemon");
	if (rc == 0)
		rc = front_run(s, &m->front, &e);
	closed = station_close(s, &close_err);
	if (rc == 0 && closed < 0) {
		rc = closed;
		e = close_err;
	}
	code = rc < 0 ? err_exit(rc) : 0;
	if (rc < 0)
		on_log(m, MESSAGE_FAILED, e.text[0] ? e.text : err_text(rc));
	else
		teller_note(&m->teller, MESSAGE_UNMOUNTED, "unmounted");
	tell_parent(m, (unsigned char)code);
	teller_close(&m->teller);
	porter_stop(m->front.porter);
	return code;
}

/* The parent's whole life: wait for one byte, or for the child's end. */
static int wait_ready(int fd, pid_t child)
{
	unsigned char code = 1;
	int status;
	ssize_t n;

	do
		n = read(fd, &code, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return code;
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "custodyfs: the daemon died before the mount was ready\n");
	return 1;
}

int main(int argc, char **argv)
{
	static struct mount_ask m;
	struct err e = {0};
	int pipe_fd[2], code, rc;
	pid_t child;

	if (parse(&m, argc, argv, &code))
		return code;
	m.argv = argv;
	rc = resolve(&m, argv + optind, &e);
	if (rc < 0)
		return ui_fail(&m.ui, rc, &e);
	if (m.foreground)
		return serve(&m);
	if (pipe2(pipe_fd, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		err_sys(&e, "can't start the daemon");
		return ui_fail(&m.ui, ERR_SYSTEM, &e);
	}
	if (child == 0) {
		close(pipe_fd[0]);
		m.ready_fd = pipe_fd[1];
		return serve(&m);
	}
	close(pipe_fd[1]);
	return wait_ready(pipe_fd[0], child);
}
