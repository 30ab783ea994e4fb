// SPDX-License-Identifier: Apache-2.0
/*
 * states count LOG                      how many writes and flushes there are
 * states points LOG N SEED              N places in LOG to lose power at, in order, as bytes of it
 * states make BASE LOG AT SEED OUT      what a disk may hold that lost power there
 *
 * LOG is what recorder.c wrote. What was written before the last flush is on the disk; of what was
 * written later each write is, by chance, there, or not, or in part: any of its sectors of 512 bytes.
 * The same seed gives the same state. BASE is moved on to that flush: states are made in order.
 * What BASE has was read up to is kept in BASE.at.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u

struct log {
	const uint8_t *p;
	uint64_t n;
};

struct record {
	uint8_t kind;
	uint64_t offset;
	uint32_t n;
	const uint8_t *p;
	uint64_t next; /* where the one behind it begins */
};

static struct log map_log(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "%s", path);
	p = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : "";
	if (p == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return (struct log){p, (uint64_t)st.st_size};
}

/* False at the end, or where the last record is not whole. */
static bool next(const struct log *l, uint64_t at, struct record *r)
{
	*r = (struct record){.kind = at < l->n ? l->p[at] : 0, .next = at + 1};
	if (r->kind != 'W')
		return r->kind == 'F';
	if (l->n - at < 13)
		return false;
	memcpy(&r->offset, l->p + at + 1, 8);
	memcpy(&r->n, l->p + at + 9, 4);
	r->p = l->p + at + 13;
	r->next = at + 13 + r->n;
	return r->next <= l->n;
}

static uint64_t rnd(uint64_t *s)
{
	uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void put(int fd, const uint8_t *p, size_t n, uint64_t at)
{
	if (pwrite(fd, p, n, (off_t)at) != (ssize_t)n)
		err(1, "write");
}

/* There, not there, or in part. */
static void put_by_chance(int fd, const struct record *r, uint64_t *seed)
{
	unsigned fate = (unsigned)(rnd(seed) % 4);

	if (fate == 0)
		return;
	if (fate < 3) {
		put(fd, r->p, r->n, r->offset);
		return;
	}
	for (uint32_t at = 0; at < r->n; at += SECTOR) {
		if (rnd(seed) & 1)
			put(fd, r->p + at, r->n - at < SECTOR ? r->n - at : SECTOR, r->offset + at);
	}
}

/* BASE up to the last flush before `end`; returns where that ends. */
static uint64_t advance(const char *base, const struct log *l, uint64_t end)
{
	char name[4096];
	uint64_t at = 0, flushed;
	struct record r;
	int fd = open(base, O_RDWR | O_CLOEXEC);
	FILE *f;

	if (fd < 0)
		err(1, "%s", base);
	snprintf(name, sizeof(name), "%s.at", base);
	f = fopen(name, "re");
	if (f && fscanf(f, "%" SCNu64, &at) != 1)
		errx(1, "%s", name);
	if (f)
		fclose(f);
	flushed = at;
	for (uint64_t i = at; next(l, i, &r) && r.next <= end; i = r.next)
		flushed = r.kind == 'F' ? r.next : flushed;
	for (; at < flushed && next(l, at, &r); at = r.next) {
		if (r.kind == 'W')
			put(fd, r.p, r.n, r.offset);
	}
	close(fd);
	f = fopen(name, "we");
	if (!f || fprintf(f, "%" PRIu64 "\n", at) < 0 || fclose(f) != 0)
		err(1, "%s", name);
	return at;
}

/* The parts of it that are there. */
static void copy_sparse(const char *from, int to)
{
	static uint8_t buf[1 << 20];
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t at = 0, end;

	if (fd < 0 || fstat(fd, &st) < 0 || ftruncate(to, st.st_size) < 0)
		err(1, "%s", from);
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		end = lseek(fd, at, SEEK_HOLE);
		while (at < end) {
			size_t want = end - at < (off_t)sizeof(buf) ? (size_t)(end - at) :
								      sizeof(buf);

			if (pread(fd, buf, want, at) != (ssize_t)want)
				err(1, "%s", from);
			put(to, buf, want, (uint64_t)at);
			at += (off_t)want;
		}
	}
	close(fd);
}

static int make(const char *base, const char *log, uint64_t end, uint64_t seed, const char *out)
{
	struct log l = map_log(log);
	uint64_t at = advance(base, &l, end), writes = 0;
	struct record r;
	int fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		err(1, "%s", out);
	copy_sparse(base, fd);
	for (; next(&l, at, &r) && r.next <= end; at = r.next, writes++)
		put_by_chance(fd, &r, &seed);
	close(fd);
	printf("%" PRIu64 "\n", writes); /* whose fate was open */
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Half of them anywhere; half just before a flush, where most is at stake: before the one that a write
 * taken by chance waits for, so that the more there is at stake, the more often.
 */
static int points(const char *log, unsigned n, uint64_t seed)
{
	struct log l = map_log(log);
	uint64_t *end, *flush, *list, records = 0, waiting = 0;
	struct record r;

	for (uint64_t at = 0; next(&l, at, &r); at = r.next)
		records++;
	end = calloc(records + 1, sizeof(*end));
	flush = calloc(records + 1, sizeof(*flush));
	list = calloc(n + 1, sizeof(*list));
	if (!end || !flush || !list || records == 0)
		errx(1, "%s: nothing was recorded", log);
	records = 0;
	for (uint64_t at = 0; next(&l, at, &r); at = r.next) {
		if (r.kind == 'F')
			for (; waiting < records; waiting++)
				flush[waiting] = at;
		end[records++] = r.next;
	}
	for (unsigned i = 0; i < n; i++)
		list[i] = i % 2 && waiting ? flush[rnd(&seed) % waiting] :
					     end[rnd(&seed) % records];
	qsort(list, n, sizeof(*list), by_value);
	for (unsigned i = 0; i < n; i++)
		printf("%" PRIu64 "\n", list[i]);
	return 0;
}

static int count(const char *log)
{
	struct log l = map_log(log);
	uint64_t writes = 0, flushes = 0;
	struct record r;

	for (uint64_t at = 0; next(&l, at, &r); at = r.next)
		*(r.kind == 'F' ? &flushes : &writes) += 1;
	printf("%" PRIu64 " writes, %" PRIu64 " flushes\n", writes, flushes);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "count") == 0)
		return count(argv[2]);
	if (argc == 5 && strcmp(argv[1], "points") == 0)
		return points(argv[2], (unsigned)atoi(argv[3]), strtoull(argv[4], NULL, 10));
	if (argc == 7 && strcmp(argv[1], "make") == 0)
		return make(argv[2], argv[3], strtoull(argv[4], NULL, 10),
			    strtoull(argv[5], NULL, 10), argv[6]);
	errx(2, "usage: see the top of tests/crash/states.c");
}
