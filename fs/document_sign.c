/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing by running ssh-keygen, so that agents, tokens and their prompts work, and no private key
 * of an officer ever enters this process.
 */
#include "fs/document.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/file.h"

#define PATH_SIZE 1024
#define OUTPUT_MAX (64u << 10)

/* A private directory with the text and, later, what ssh-keygen wrote. */
struct place {
	char dir[PATH_SIZE];
	char text[PATH_SIZE + 8];
	int fd;
};

static void place_remove(struct place *p)
{
	if (p->fd < 0)
		return;
	unlinkat(p->fd, "text", 0);
	unlinkat(p->fd, "text.sig", 0);
	unlinkat(p->fd, "log", 0);
	close(p->fd);
	rmdir(p->dir);
}

static int place_make(struct place *p, const struct document *d, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	int fd, rc;

	p->fd = -1;
	if (!tmp || !*tmp)
		tmp = "/tmp";
	if (snprintf(p->dir, sizeof(p->dir), "%s/custody-sign.XXXXXX", tmp) >= (int)sizeof(p->dir))
		return err_set(e, ERR_USAGE, "$TMPDIR is too long");
	if (!mkdtemp(p->dir))
		return err_sys(e, "can't make a directory in %s", tmp);
	snprintf(p->text, sizeof(p->text), "%s/text", p->dir);
	p->fd = file_opendir(AT_FDCWD, p->dir, e);
	if (p->fd < 0) {
		rmdir(p->dir);
		return p->fd;
	}
	fd = openat(p->fd, "text", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "can't write %s", p->text);
	rc = file_write(fd, d->text.p, d->text.n, e);
	if (close(fd) != 0 && rc == 0)
		rc = err_sys(e, "can't write %s", p->text);
	return rc;
}

/* Where ssh-keygen may ask for a passphrase: it does so only if its standard input is a terminal,
 * and ours may be the document. -1: leave it as it is. */
static int open_prompt(void)
{
	return isatty(STDIN_FILENO) ? -1 : open("/dev/tty", O_RDWR | O_CLOEXEC);
}

/* Child's descriptors: the terminal for prompts, or a log we can quote from; never our stdout. */
static int spawn(pid_t *pid, const struct place *p, char *const argv[], bool terminal)
{
	int prompt = open_prompt();
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char log[PATH_SIZE + 8];
	sigset_t dfl;
	int rc;

	snprintf(log, sizeof(log), "%s/log", p->dir);
	sigemptyset(&dfl);
	sigaddset(&dfl, SIGINT);
	sigaddset(&dfl, SIGQUIT);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	rc = posix_spawnattr_setsigdefault(&attr, &dfl);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (rc == 0 && prompt >= 0)
		rc = posix_spawn_file_actions_adddup2(&files, prompt, STDIN_FILENO);
	if (rc == 0 && !terminal)
		rc = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log,
						      O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (prompt >= 0)
		close(prompt);
	return rc;
}

/* Run to the end. An interrupt from the keyboard is for ssh-keygen: we clean up after it. */
static int run(const struct place *p, char *const argv[], bool terminal, int *status, struct err *e)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction intr, quit;
	pid_t pid, got;
	int rc;

	sigaction(SIGINT, &ignore, &intr);
	sigaction(SIGQUIT, &ignore, &quit);
	rc = spawn(&pid, p, argv, terminal);
	if (rc == 0) {
		do
			got = waitpid(pid, status, 0);
		while (got < 0 && errno == EINTR);
		rc = got == pid ? 0 : errno;
	}
	sigaction(SIGINT, &intr, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	if (rc == ENOENT)
		return err_set(e, ERR_SYSTEM, "ssh-keygen is not there: install OpenSSH's client");
	errno = rc;
	return rc ? err_sys(e, "can't run ssh-keygen") : 0;
}

/* The last line that is not empty; ssh-keygen ends its lines in CR LF. */
static struct text_span last_line(const struct wire_out *log)
{
	struct text_span s = {(const char *)log->p, log->n};
	const char *lf;

	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	lf = s.n ? memrchr(s.p, '\n', s.n) : NULL;
	if (lf) {
		s.n -= (size_t)(lf + 1 - s.p);
		s.p = lf + 1;
	}
	if (s.n > 200)
		s.n = 200;
	return text_valid(s.p, s.n) ? s : (struct text_span){"", 0};
}

static int refused(const struct place *p, const char *key_file, bool terminal, struct err *e)
{
	struct wire_out log = {0};
	struct text_span last = {"", 0};
	int rc;

	if (!terminal && file_read(p->fd, "log", OUTPUT_MAX, &log, NULL) == 0)
		last = last_line(&log);
	rc = err_set(e, ERR_KEY, "ssh-keygen can't sign with %s%s%.*s", key_file,
		     last.n ? ": " : "", (int)last.n, last.p);
	wire_out_free(&log);
	return rc;
}

static int ssh_keygen(struct wire_out *armor, const struct place *p, const char *namespace,
		      const char *key_file, struct err *e)
{
	const char *argv[] = {"ssh-keygen", "-q", "-Y",	    "sign",  "-n",
			      namespace,    "-f", key_file, p->text, NULL};
	bool terminal = isatty(STDERR_FILENO);
	int status = 0, rc;

	rc = run(p, (char *const *)argv, terminal, &status, e);
	if (rc)
		return rc;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return refused(p, key_file, terminal, e);
	return file_read(p->fd, "text.sig", OUTPUT_MAX, armor, e);
}

/* The signature must be good, and by a key that has not signed yet. */
static int check(const struct document *d, struct text_span armor, const char *namespace,
		 struct err *e)
{
	const struct sshsig_policy policy = {.namespace = namespace};
	char print[SSHKEY_FINGERPRINT_SIZE];
	struct sshsig mine, other;
	int rc;

	rc = sshsig_verify(&mine, armor, d->text.p, d->text.n, &policy, e);
	if (rc)
		return err_prefix(e, rc, "the signature just made");
	for (size_t i = 0; i < d->sigs; i++) {
		rc = sshsig_verify(&other, d->sig[i], d->text.p, d->text.n, &policy, e);
		if (rc)
			return err_prefix(e, rc, "signature %zu of %zu", i + 1, d->sigs);
		if (sshkey_equal(&mine.key, &other.key)) {
			sshkey_fingerprint(print, &mine.key);
			return err_set(e, ERR_EXISTS, "%s has signed it already", print);
		}
	}
	return 0;
}

/* Put the armor behind the other signatures. */
static int add(struct document *d, const struct wire_out *armor, struct err *e)
{
	struct document fresh = {0};
	struct wire_out bytes = {0};
	size_t at = d->text.n;
	int rc;

	for (size_t i = 0; i < d->sigs; i++)
		at += d->sig[i].n;
	wire_out_bytes(&bytes, d->bytes.p, at);
	wire_out_bytes(&bytes, armor->p, armor->n);
	wire_out_bytes(&bytes, d->bytes.p + at, d->bytes.n - at);
	if (wire_out_ok(&bytes))
		rc = document_parse(&fresh, bytes.p, bytes.n, e);
	else
		rc = err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&bytes);
	if (rc == 0) {
		document_free(d);
		*d = fresh;
	}
	return rc;
}

int document_sign(struct document *d, const char *namespace, const char *key_file, struct err *e)
{
	struct wire_out armor = {0};
	struct place p;
	int rc;

	if (d->sigs == DOCUMENT_SIGNATURES_MAX)
		return err_set(e, ERR_USAGE, "it bears %d signatures, which is the most",
			       DOCUMENT_SIGNATURES_MAX);
	rc = place_make(&p, d, e);
	if (rc == 0)
		rc = ssh_keygen(&armor, &p, namespace, key_file, e);
	if (rc == 0)
		rc = check(d, (struct text_span){(const char *)armor.p, armor.n}, namespace, e);
	if (rc == 0)
		rc = add(d, &armor, e);
	place_remove(&p);
	wire_out_free(&armor);
	return rc;
}
