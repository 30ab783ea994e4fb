/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LMDB believes its file: one that was cut short or overwritten makes it crash or run in circles.
 * So an index is tried in a child first, whose crash or delay is an answer like another. What even
 * the deep look does not find: in a file of more than DB_SUM_MAX a bad value between good ones
 * (ERR_INDEX when it is read), and damage to the head of a page that can be read nevertheless, but not
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "index/db_internal.h"
#include "index/file.h"

#define QUICK_SECONDS 60u
#define PAGE 4096u			 /* of LMDB, or a part of one */
#define DEEP_BYTES_PER_SECOND (4u << 20) /* a slow disk, and more */

/* Is the list of free pages possible? A page that is free and in use would be overwritten. */
static int check_free(struct db_txn *t, struct err *e)
{
	MDB_envinfo info;
	MDB_cursor *cur;
	MDB_val key, v;
	int mrc, rc = 0;

	mdb_env_info(t->db->env, &info);
	mrc = mdb_cursor_open(t->txn, 0, &cur); /* table 0: transaction number -> free pages */
	if (mrc)
		return db_fail(t->db, mrc, "opening its free list", e);
	while (rc == 0 && (mrc = mdb_cursor_get(cur, &key, &v, MDB_NEXT)) == 0) {
		const uint8_t *p = v.mv_data;
		size_t n = SIZE_MAX, page, above = info.me_last_pgno + 1;

		/* A count, then that many page numbers, falling. */
		if (key.mv_size == sizeof(size_t) && v.mv_size >= sizeof(n))
			memcpy(&n, p, sizeof(n));
		if (n >= v.mv_size / sizeof(n))
			rc = db_damaged(t->db, e, "its list of free pages");
		for (size_t i = 1; rc == 0 && i <= n; i++, above = page) {
			memcpy(&page, p + i * sizeof(page), sizeof(page));
			if (page < 2 || page >= above)
				rc = db_damaged(t->db, e, "its list of free pages");
		}
	}
	if (rc == 0 && mrc != MDB_NOTFOUND)
		rc = db_fail(t->db, mrc, "walking its free list", e);
	mdb_cursor_close(cur);
	return rc;
}

/* Every key; of the values the first on each page, and all of the tables that decide most, or of a
 * small file. Those are looked up by key, so that the way down to each page is tried too. */
static int check_table(struct db_txn *t, enum key_table table, bool small, struct wire_out *value,
		       struct err *e)
{
	const bool all = small || table == KEY_META || table == KEY_JOURNAL ||
			 table == KEY_DOCUMENT;
	uint64_t want, got = 0;
	uintptr_t page = 0, last_page = 0;
	struct db_cursor *c;
	struct db_raw raw;
	const uint8_t *k;
	const struct key none = {.n = 0};
	struct key key;
	int rc;

	rc = db_count(t, table, &want, e);
	if (rc == 0)
		rc = db_cursor(&c, t, table, none, none, e);
	if (rc)
		return rc;
	while ((rc = db_step(c, &k, &key.n, &raw, e)) == 0) {
		got++;
		page = (uintptr_t)raw.p / PAGE;
		if (!all && page == last_page)
			continue;
		last_page = page;
		memcpy(key.b, k, key.n);
		wire_out_reset(value);
		rc = db_get(t, table, key, value, e);
		if (rc == ERR_NOTFOUND)
			rc = db_damaged(t->db, e, "table %s, a key is out of place",
					key_table_name(table));
		if (rc)
			break;
	}
	db_cursor_close(c);
	if (rc == ERR_NOTFOUND)
		rc = got == want ? 0 :
				   db_damaged(t->db, e, "table %s has %llu entries, not %llu",
					      key_table_name(table), (unsigned long long)got,
					      (unsigned long long)want);
	return rc;
}

/* In the child: look at everything that the parent will rely on. */
static int look(struct db *db, const char *dir, bool alone, bool deep, struct err *e)
{
	struct wire_out value = {0};
	struct db_txn *t;
	uint64_t n;
	bool small;
	int rc;

	rc = db_env_open(db, dir, alone ? DB_MODE_LOOK_ALONE : DB_MODE_LOOK, DB_MAP_SIZE, e);
	if (rc == 0)
		rc = db_begin(&t, db, false, e);
	if (rc)
		return rc;
	small = db_file_bytes(db) <= DB_SUM_MAX;
	rc = db_get(t, KEY_META, key_u8(DB_META_HEADER), &value, e);
	if (rc == ERR_NOTFOUND)
		rc = db_damaged(db, e, "it has no header inside");
	for (unsigned i = 0; i < KEY_TABLES && rc == 0; i++)
		rc = deep ? check_table(t, i, small, &value, e) : db_count(t, i, &n, e);
	if (rc == 0 && deep)
		rc = check_free(t, e);
	return rc; /* the child ends: nothing to free */
}

/* Make a crash quick, silent and without a trace of the key. */
static void prepare_child(unsigned seconds)
{
	static const int fatal[] = {SIGALRM, SIGABRT, SIGBUS, SIGSEGV, SIGILL, SIGFPE};
	const struct rlimit none = {0, 0};
	sigset_t all;
	int null = open("/dev/null", O_RDWR);

	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		signal(fatal[i], SIG_DFL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null >= 0) {
		dup2(null, STDOUT_FILENO); /* LMDB prints its assertions */
		dup2(null, STDERR_FILENO);
	}
	alarm(seconds);
}

static unsigned time_limit(const struct db *db, bool deep)
{
	struct stat st;

	if (!deep || fstatat(db->dirfd, DB_DATA_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return QUICK_SECONDS;
	return QUICK_SECONDS + (unsigned)((uint64_t)st.st_size / DEEP_BYTES_PER_SECOND);
}

/* The verdict from the child; none if it crashed. */
static int await(pid_t child, int fd, struct err *e)
{
	struct err verdict = {0};
	int status = 0;
	size_t got = 0;

	while (got < sizeof(verdict)) {
		ssize_t r = read(fd, (uint8_t *)&verdict + got, sizeof(verdict) - got);

		if (r == 0 || (r < 0 && errno != EINTR))
			break;
		got += r > 0 ? (size_t)r : 0;
	}
	/* Fails when the program ignores SIGCHLD; only the sentence below is poorer for it. */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (got < sizeof(verdict))
		return err_set(e, ERR_INDEX, "the index is damaged (its check %s): rebuild it",
			       WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "did not end" :
										    "crashed");
	if (verdict.code == 0)
		return 0;
	verdict.text[sizeof(verdict.text) - 1] = '\0';
	return err_set(e, verdict.code, "%s", verdict.text);
}

int db_check(const struct db *db, const char *dir, bool alone, bool deep, struct err *e)
{
	const unsigned seconds = time_limit(db, deep);
	/* The pool is wiped in a forked child, so the key goes along outside it. */
	struct db_keys keys = *db->keys;
	int fd[2], rc;
	pid_t child;

	if (pipe2(fd, O_CLOEXEC) != 0) {
		rc = err_sys(e, "index: can't make a pipe");
		goto out;
	}
	child = fork();
	if (child == 0) {
		struct db probe = {.keys = &keys, .dirfd = -1, .lockfd = -1};
		struct err verdict = {0};
		int answer = fcntl(fd[1], F_DUPFD, 3); /* not where stdout goes */

		prepare_child(seconds);
		memcpy(probe.generation, db->generation, sizeof(probe.generation));
		if (db_gate_init(&probe.gate) == 0)
			verdict.code = look(&probe, dir, alone, deep, &verdict);
		else
			verdict.code = ERR_NOMEM;
		secret_wipe(&keys, sizeof(keys));
		file_write(answer, &verdict, sizeof(verdict), NULL);
		_exit(0);
	}
	close(fd[1]);
	rc = child > 0 ? await(child, fd[0], e) : err_sys(e, "index: can't fork to check it");
	close(fd[0]);
out:
	secret_wipe(&keys, sizeof(keys));
	return rc;
}
