/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/mountpoint.h"

#define TEXT_SIZE 1024
#define ANSWER_S 10 /* an account may have to be asked for over the network */
#define NAMES 16u   /* remembered, by the last bits of their uid */
#define NAME_S 5

enum kind { MOUNTED, READAHEAD, UNMOUNT, UNMOUNT_UNUSED, WHO, ACCOUNT };

/* One a packet, both ways; text is as long as the packet. */
struct packet {
	uint32_t kind, seq;
	uint64_t pid;
	uint32_t uid; /* READAHEAD: KiB; answers to WHO: the login uid */
	uint32_t ok;  /* answers to UNMOUNT_UNUSED: the code */
	char text[TEXT_SIZE];
};
#define HEAD offsetof(struct packet, text)

struct porter {
	int fd;
	pid_t pid;
	pthread_mutex_t lock; /* one question at a time */
	uint32_t seq;
};

/* ---- in the porter ---- */

struct name {
	uint32_t uid;
	time_t until;
	char text[EVENT_STR_MAX];
};

struct house {
	const struct porter_ask *ask;
	int fd;
	bool mounted, gone;
	struct mountpoint_id id;
	struct name name[NAMES];
};

static const char *user_name(struct house *h, uint32_t uid)
{
	struct name *n = &h->name[uid % NAMES];
	struct passwd pw, *found = NULL;
	struct timespec now;
	char buf[4096];

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (n->uid == uid && now.tv_sec < n->until)
		return n->text;
	n->uid = uid;
	n->until = now.tv_sec + NAME_S;
	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found)
		snprintf(n->text, sizeof(n->text), "%s", found->pw_name);
	else
		snprintf(n->text, sizeof(n->text), "#%u", uid);
	return n->text;
}

static uint32_t login_uid(uint64_t pid)
{
	char path[64], text[16] = {0};
	uint32_t v = UINT32_MAX;
	int fd;

	snprintf(path, sizeof(path), "/proc/%llu/loginuid", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return v;
	if (read(fd, text, sizeof(text) - 1) > 0)
		v = (uint32_t)strtoul(text, NULL, 10);
	close(fd);
	return v;
}

/* user NUL program NUL. Returns their length. */
static size_t who(struct house *h, struct packet *p)
{
	size_t n = (size_t)snprintf(p->text, EVENT_STR_MAX, "%s", user_name(h, p->uid)) + 1;
	char path[64];
	ssize_t got = -1;

	p->uid = UINT32_MAX;
	if (p->pid) {
		snprintf(path, sizeof(path), "/proc/%llu/exe", (unsigned long long)p->pid);
		got = readlink(path, p->text + n, EVENT_STR_MAX - 1);
		p->uid = login_uid(p->pid);
	}
	p->text[n + (size_t)(got > 0 ? got : 0)] = '\0';
	if (got <= 0)
		got = snprintf(p->text + n, EVENT_STR_MAX, "unknown");
	return n + (size_t)got + 1;
}

static void account(struct packet *p)
{
	struct passwd pw, *found = NULL;
	char buf[65536];

	p->ok = getpwnam_r(p->text, &pw, buf, sizeof(buf), &found) == 0 && found;
	p->uid = found ? found->pw_uid : 0;
}

static void unmount(struct house *h)
{
	if (h->mounted && !h->gone)
		mountpoint_detach(h->ask->mountpoint, &h->id);
	h->gone = true;
}

static void serve_one(struct house *h, struct packet *p)
{
	size_t text = 0;

	switch (p->kind) {
	case MOUNTED:
		if (!h->mounted)
			h->mounted = mountpoint_identify(h->ask->mountpoint, &h->id) == 0;
		break;
	case READAHEAD:
		mountpoint_readahead(h->ask->mountpoint, p->uid);
		break;
	case UNMOUNT:
		unmount(h);
		break;
	case UNMOUNT_UNUSED:
		p->ok = (uint32_t)-mountpoint_unmount(h->ask->mountpoint, NULL);
		break;
	case WHO:
		text = who(h, p);
		break;
	case ACCOUNT:
		account(p);
		break;
	default:
		return;
	}
	(void)send(h->fd, p, HEAD + text, MSG_NOSIGNAL);
}

/* Until the daemon closes its end, or dies. */
static void keep_house(struct house *h)
{
	struct packet p;
	ssize_t n;

	for (;;) {
		n = recv(h->fd, &p, sizeof(p) - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)HEAD)
			break;
		((char *)&p)[n] = '\0';
		serve_one(h, &p);
	}
	if (h->mounted && !h->gone) {
		unmount(h);
		h->ask->died(h->ask->ctx);
	}
}

static _Noreturn void be_porter(int fd, const struct porter_ask *ask)
{
	static struct house h;
	const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

	/* It ends with the daemon, not with the terminal. */
	setsid();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "custodyfs-porter");
	if (dup2(fd, 3) < 0 || chdir("/") != 0)
		_exit(1);
	closefrom(4);
	h = (struct house){.ask = ask, .fd = 3};
	ask->begin(ask->ctx);
	keep_house(&h);
	_exit(0);
}

/* ---- in the daemon ---- */

int porter_start(struct porter **out, const struct porter_ask *ask, struct err *e)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	struct porter *p = calloc(1, sizeof(*p));
	int fd[2];

	*out = NULL;
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0) {
		free(p);
		return err_sys(e, "can't start the porter");
	}
	signal(SIGPIPE, SIG_IGN);
	p->pid = fork();
	if (p->pid == 0)
		be_porter(fd[1], ask);
	close(fd[1]);
	p->fd = fd[0];
	if (p->pid < 0 || setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0) {
		err_sys(e, "can't start the porter");
		close(p->fd);
		free(p);
		return ERR_SYSTEM;
	}
	pthread_mutex_init(&p->lock, NULL);
	*out = p;
	return 0;
}

/* Sends p with n bytes of text, and waits for its answer, which takes p's place: true if there is one.
 * read and write, not recv and send: the sandbox has no socket calls. */
static bool ask_porter(struct porter *h, struct packet *p, size_t n)
{
	bool answered = false;
	ssize_t got;

	pthread_mutex_lock(&h->lock);
	p->seq = ++h->seq;
	got = write(h->fd, p, HEAD + n);
	while (got > 0 && !answered) {
		got = read(h->fd, p, sizeof(*p) - 1);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got >= (ssize_t)HEAD) /* not one that came too late for its question */
			answered = p->seq == h->seq;
	}
	pthread_mutex_unlock(&h->lock);
	if (answered)
		((char *)p)[got] = '\0';
	return answered;
}

void porter_mounted(struct porter *h)
{
	struct packet p = {.kind = MOUNTED};

	ask_porter(h, &p, 0);
}

void porter_readahead(struct porter *h, unsigned kib)
{
	struct packet p = {.kind = READAHEAD, .uid = kib};

	ask_porter(h, &p, 0);
}

void porter_unmount(struct porter *h)
{
	struct packet p = {.kind = UNMOUNT};

	ask_porter(h, &p, 0);
}

int porter_unmount_unused(struct porter *h)
{
	struct packet p = {.kind = UNMOUNT_UNUSED};

	return ask_porter(h, &p, 0) ? -(int)p.ok : ERR_SYSTEM;
}

void porter_who(struct porter *h, uint64_t pid, uint32_t uid, struct porter_caller *c)
{
	struct packet p;
	size_t n;

	memset(&p, 0, HEAD);
	p.kind = WHO;
	p.pid = pid;
	p.uid = uid;
	if (!ask_porter(h, &p, 0)) {
		c->loginuid = UINT32_MAX;
		snprintf(c->user, sizeof(c->user), "#%u", uid);
		snprintf(c->program, sizeof(c->program), "unknown");
		return;
	}
	c->loginuid = p.uid;
	n = strlen(p.text) + 1;
	snprintf(c->user, sizeof(c->user), "%.*s", EVENT_STR_MAX - 1, p.text);
	snprintf(c->program, sizeof(c->program), "%.*s", EVENT_STR_MAX - 1, p.text + n);
}

bool porter_account(void *porter, const char *name, uint32_t *uid)
{
	struct packet p;
	size_t n = strlen(name);

	memset(&p, 0, HEAD);
	p.kind = ACCOUNT;
	if (n >= TEXT_SIZE)
		return false;
	memcpy(p.text, name, n);
	if (!ask_porter(porter, &p, n) || !p.ok)
		return false;
	*uid = p.uid;
	return true;
}

void porter_stop(struct porter *p)
{
	if (!p)
		return;
	close(p->fd);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pthread_mutex_destroy(&p->lock);
	free(p);
}
