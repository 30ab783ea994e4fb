// SPDX-License-Identifier: Apache-2.0
/* The life of a mount: up, serving, and down again so that no plaintext is left behind. */
#include "fs/front_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fs/mountlock.h"
#include "fs/sandbox.h"
#include "index/journal.h"

/* A thread may wait for the journal or for a slow disk, so there are more of them than processors; but
 * the kernel wakes them in turn, and each has to warm its own stack and buffers: with 8 two sequential
 * readers got a fifth less than with 3, on two processors. */
#define THREADS 6
#define DROP_TIMEOUT_MS 10000
#define UNMOUNT_MS 3000 /* what an earlier mount may take to end, once it can't be seen any more */

static void wake(int sig)
{
	(void)sig; /* interrupts the main thread's wait, nothing more */
}

/*
 * Signals that end the mount are taken by a thread: while the loop still answers, all releases end
 * and their pages are dropped. Only then is the loop told to stop; a READ left unanswered would
 * hold its page for ever.
 */
static void go_down(struct front *f)
{
	const struct timespec pause = {.tv_nsec = 20000000L};

	front_end(f);
	front_pages_drop_all(f);
	if (!front_pages_wait(f, DROP_TIMEOUT_MS))
		front_say(f, MESSAGE_PAGES, "some cached pages could not be dropped in time");
	fuse_session_exit(f->se);
	while (!atomic_load(&f->left_loop)) {
		pthread_kill(f->main_thread, SIGUSR1);
		nanosleep(&pause, NULL);
	}
}

static int end_one(void *ctx, struct release *r)
{
	(void)ctx;
	release_end(r, ERR_BUSY);
	return 0;
}

static void *signal_thread(void *front)
{
	struct front *f = front;
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2); /* from front_run: the loop ended by itself */
	while (sigwait(&set, &sig) != 0)
		;
	if (sig == SIGUSR2)
		return NULL;
	front_say(f, MESSAGE_ENDING, "ending on signal %d", sig);
	release_each(f->releases, end_one, f);
	go_down(f);
	return NULL;
}

static int log_mounted(struct front *f, enum event_type type, struct err *e)
{
	struct event ev = {.type = type, .uid = getuid()};
	struct porter_caller self;

	porter_who(f->opt->porter, 0, getuid(), &self);
	memcpy(ev.user, self.user, sizeof(ev.user));
	return front_log_now(f, &ev, e);
}

static int add_option(struct fuse_args *args, const char *prefix, const char *value)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s%s", prefix, value);
	return fuse_opt_add_arg(args, "-o") || fuse_opt_add_arg(args, text) ? ERR_NOMEM : 0;
}

/* A comma would end the option. */
static void clean_source(const char *source, char *out, size_t cap)
{
	size_t n = 0;

	for (; *source && n + 2 < cap; source++) {
		if (*source == ',' || *source == '\\')
			out[n++] = '\\';
		out[n++] = *source;
	}
	out[n] = '\0';
}

static int session_new(struct front *f, struct err *e)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	char source[512], number[16];
	int rc = fuse_opt_add_arg(&args, "custodyfs") ? ERR_NOMEM : 0;

	clean_source(f->opt->source, source, sizeof(source));
	if (rc == 0)
		rc = add_option(&args, "",
				"ro,nosuid,nodev,noexec,default_permissions,subtype=custodyfs");
	if (rc == 0)
		rc = add_option(&args, "fsname=", source);
	snprintf(number, sizeof(number), "%u", front_max_read(f));
	if (rc == 0)
		rc = add_option(&args, "max_read=", number);
	if (rc == 0 && f->opt->allow_other)
		rc = add_option(&args, "", "allow_other");
	if (rc == 0 && f->opt->extra && *f->opt->extra)
		rc = add_option(&args, "", f->opt->extra);
	if (rc == 0 && f->opt->debug)
		rc = fuse_opt_add_arg(&args, "-d") ? ERR_NOMEM : 0;
	if (rc == 0) {
		f->se = fuse_session_new(&args, &front_ops, sizeof(front_ops), f);
		if (!f->se)
			rc = err_set(e, ERR_USAGE, "a mount option is not known");
	}
	fuse_opt_free_args(&args);
	return rc;
}

static int start_threads(struct front *f, struct err *e)
{
	f->dropper_on = pthread_create(&f->dropper, NULL, front_pages_thread, f) == 0;
	f->watcher_on = pthread_create(&f->watcher, NULL, front_watch_thread, f) == 0;
	f->timer_on = pthread_create(&f->timer, NULL, front_timer_thread, f) == 0;
	f->signals_on = pthread_create(&f->signals, NULL, signal_thread, f) == 0;
	if (!f->dropper_on || !f->watcher_on || !f->timer_on || !f->signals_on)
		return err_set(e, ERR_SYSTEM, "can't start threads");
	return 0;
}

static void stop_threads(struct front *f)
{
	front_end(f);
	atomic_store(&f->left_loop, true);
	if (f->signals_on) {
		pthread_kill(f->signals, SIGUSR2);
		pthread_join(f->signals, NULL);
	}
	if (f->timer_on)
		pthread_join(f->timer, NULL);
	if (f->watcher_on)
		pthread_join(f->watcher, NULL);
	if (f->dropper_on) {
		front_pages_stop(f);
		pthread_join(f->dropper, NULL);
	}
}

/* Signals are for the signal thread; SIGUSR1 wakes the main one. Workers block all of them. */
static void block_signals(void)
{
	struct sigaction sa = {.sa_handler = wake};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int serve(struct front *f, struct err *e)
{
	struct fuse_loop_config *cfg = fuse_loop_cfg_create();
	unsigned threads = f->opt->threads ? f->opt->threads : THREADS;
	int rc;

	if (!cfg)
		return err_set(e, ERR_NOMEM, "out of memory");
	fuse_loop_cfg_set_max_threads(cfg, threads);
	fuse_loop_cfg_set_idle_threads(cfg, threads);
	rc = fuse_session_loop_mt(f->se, cfg);
	fuse_loop_cfg_destroy(cfg);
	atomic_store(&f->left_loop, true);
	/* Positive: ended by a signal handler of libfuse's; negative: the device failed. */
	return rc < 0 ? err_set(e, ERR_SYSTEM, "serving the mount failed: %s", strerror(-rc)) : 0;
}

static int front_new(struct front **out, struct station *s, const struct front_options *opt,
		     struct err *e)
{
	struct front *f = calloc(1, sizeof(*f));
	struct timespec real, boot;
	int rc;

	*out = f;
	if (!f)
		return err_set(e, ERR_NOMEM, "out of memory");
	f->st = s;
	f->opt = opt;
	f->proc = -1;
	f->main_thread = pthread_self();
	pthread_mutex_init(&f->refresh_lock, NULL);
	pthread_mutex_init(&f->nodes_lock, NULL);
	pthread_mutex_init(&f->pages_lock, NULL);
	pthread_mutex_init(&f->log_lock, NULL);
	pthread_mutex_init(&f->buf_lock, NULL);
	atomic_store(&f->generation, 1);
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	f->base_real_ms = (int64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000;
	f->base_boot_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000;
	rc = release_set_new(&f->releases, s->pool);
	if (rc < 0)
		return err_set(e, rc, "out of memory for releases");
	release_set_accounts(f->releases, porter_account, opt->porter);
	atomic_store(&f->enrolled_until, INT64_MAX);
	rc = front_nodes_new(f, e);
	return rc ? rc : front_pages_new(f, e);
}

static void front_free(struct front *f)
{
	if (!f)
		return;
	if (f->se)
		fuse_session_destroy(f->se);
	front_pages_free(f);
	front_nodes_free(f);
	front_buffer_free_all(f);
	release_set_free(f->releases);
	if (f->proc >= 0)
		close(f->proc);
	free(f->late);
	pthread_mutex_destroy(&f->refresh_lock);
	pthread_mutex_destroy(&f->nodes_lock);
	pthread_mutex_destroy(&f->pages_lock);
	pthread_mutex_destroy(&f->log_lock);
	pthread_mutex_destroy(&f->buf_lock);
	free(f);
}

/*
 * From here on the daemon has the archive to read, its logs and documents and the node's directory of
 * this archive to write, itself in /proc, and what is open already. /proc/self is held open: a directory
 * there that was forgotten is a new one when it is looked up again, and no place of the sandbox.
 */
static int contain(struct front *f, int lock, struct err *e)
{
	const struct archive *a = f->st->archive;
	const struct sandbox_place place[] = {
		{f->proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), false},
		{a->dir, false},
		{a->journal, true},
		{a->documents, true},
		{f->st->home->dir, true},
	};
	const struct sandbox_ask ask = {place, sizeof(place) / sizeof(place[0])};
	struct sandbox_state state;
	char text[SANDBOX_TEXT];
	int rc = sandbox_enter_unless_checked(&ask, &state, e);

	if (rc < 0)
		return rc;
	sandbox_text(text, &state);
	front_say(f, state.landlock && state.seccomp ? MESSAGE_CONTAINED : MESSAGE_UNCONTAINED,
		  "contained by: %s", text);
	return mountlock_contained(lock, f->opt->mountpoint, text, e);
}

/*
 * Nobody is served any more: what was asked and not answered fails, also of our own threads. libfuse is
 * given a device that is gone, after which it does not try to unmount, which it can't in the sandbox.
 */
static void cut_device(struct front *f)
{
	int gone[2];

	if (pipe2(gone, O_CLOEXEC) == 0) {
		close(gone[0]);
		dup3(gone[1], fuse_session_fd(f->se), O_CLOEXEC);
		close(gone[1]);
	}
}

static void unmount(struct front *f)
{
	porter_unmount(f->opt->porter);
	fuse_session_unmount(f->se);
}

int front_run(struct station *s, const struct front_options *opt, struct err *e)
{
	struct front *f = NULL;
	bool mounted = false;
	int lock = -1, rc;

	rc = front_new(&f, s, opt, e);
	if (rc == 0)
		lock = rc = mountlock_take(s->home->dir, opt->mountpoint, UNMOUNT_MS, e);
	if (rc >= 0)
		rc = session_new(f, e);
	if (rc < 0)
		goto out;
	block_signals();
	rc = log_mounted(f, EVENT_MOUNTED, e);
	if (rc < 0)
		goto out;
	mounted = fuse_session_mount(f->se, opt->mountpoint) == 0;
	if (!mounted) {
		rc = err_set(e, ERR_SYSTEM, "%s: can't mount (see above)", opt->mountpoint);
		log_mounted(f, EVENT_UNMOUNTED, NULL);
		goto out;
	}
	porter_mounted(opt->porter);
	front_totals(f);
	rc = contain(f, lock, e);
	if (rc == 0)
		rc = start_threads(f, e);
	if (rc == 0)
		rc = serve(f, e);
	cut_device(f);
	stop_threads(f);
	release_each(f->releases, end_one, f);
	front_log_flush(f, true);
	if (log_mounted(f, EVENT_UNMOUNTED, NULL) < 0)
		front_say(f, MESSAGE_JOURNAL, "the end of the mount was not journalled");
out:
	if (mounted)
		unmount(f);
	front_free(f);
	if (lock >= 0)
		close(lock);
	return rc;
}
