/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "fs/source_internal.h"

#define STEP ((size_t)256 << 10)

static int changed(const struct container *c, struct err *e)
{
	return err_set(e, ERR_SYSTEM, "%s changed while it was read", c->name);
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* All of standard input, which can't be read twice. One mapping, so that no copy is left behind. */
static int take_input(struct container *c, struct err *e)
{
	size_t room = (size_t)CONTAINER_INPUT_MAX + 1;
	ssize_t r = 1;
	void *p;

	if (c->mem)
		return 0;
	p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		return err_set(e, ERR_NOMEM, "out of memory for standard input");
	madvise(p, room, MADV_DONTDUMP);
	c->mem = p;
	c->size = 0;
	while (r != 0 && c->size < room) {
		r = read(STDIN_FILENO, c->mem + c->size, room - c->size);
		if (r < 0 && errno != EINTR)
			return err_sys(e, "can't read standard input");
		c->size += r > 0 ? (uint64_t)r : 0;
	}
	if (c->size > CONTAINER_INPUT_MAX)
		return err_set(e, ERR_USAGE,
			       "standard input is longer than 1 GiB: take it in from a file");
	return 0;
}

static int open_file(struct container *c, struct err *e)
{
	struct stat st;
	int fd = source_openat(AT_FDCWD, c->name, 0);

	if (fd < 0)
		return err_sys(e, "can't open the source %s", c->name);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (c->seen.st_mode && !same(&c->seen, &st))) {
		close(fd);
		return c->seen.st_mode ?
			       changed(c, e) :
			       err_set(e, ERR_USAGE, "the source %s is no longer a file", c->name);
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	c->fd = fd;
	c->seen = st;
	c->size = (uint64_t)st.st_size;
	return 0;
}

int container_open(struct container *c, struct err *e)
{
	if (!c->known) {
		hash_init(&c->hash);
		c->hashed = 0;
	}
	return c->input ? take_input(c, e) : open_file(c, e);
}

static void read_input(const struct container *c, uint64_t off, void *buf, size_t n, size_t *got)
{
	*got = off >= c->size ? 0 : c->size - off < n ? (size_t)(c->size - off) : n;
	if (*got)
		memcpy(buf, c->mem + off, *got);
}

int container_read(struct container *c, uint64_t off, void *buf, size_t n, size_t *got,
		   struct err *e)
{
	*got = 0;
	if (c->input)
		read_input(c, off, buf, n, got);
	while (!c->input && *got < n) {
		ssize_t r = pread(c->fd, (char *)buf + *got, n - *got, (off_t)(off + *got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "can't read %s", c->name);
		if (r == 0)
			break;
		*got += (size_t)r;
	}
	if (!c->known && off <= c->hashed && off + *got > c->hashed) {
		hash_update(&c->hash, (char *)buf + (c->hashed - off),
			    *got - (size_t)(c->hashed - off));
		c->hashed = off + *got;
	}
	return 0;
}

int container_digest(struct container *c, struct err *e)
{
	struct stat st;
	uint8_t *buf;
	size_t got = 1;
	int rc = 0;

	if (c->known)
		return 0;
	buf = malloc(STEP);
	if (!buf)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (rc == 0 && got > 0)
		rc = container_read(c, c->hashed, buf, STEP, &got, e);
	free(buf);
	if (rc == 0 && !c->input &&
	    (fstat(c->fd, &st) != 0 || !same(&c->seen, &st) || c->hashed != c->size))
		rc = changed(c, e);
	if (rc)
		return rc;
	hash_final(&c->hash, c->sha256);
	c->known = true;
	return 0;
}

void container_close(struct container *c)
{
	if (c->seen.st_mode && c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void container_free(struct container *c)
{
	if (!c->mem)
		return;
	secret_wipe(c->mem, (size_t)c->size);
	munmap(c->mem, (size_t)CONTAINER_INPUT_MAX + 1);
	c->mem = NULL;
}
