// SPDX-License-Identifier: Apache-2.0
/*
 * mkcorpus small DIR COUNT
 * mkcorpus big DIR COUNT BYTES
 *
 * A corpus for the bench, and its list on standard output. Small: COUNT files as a lane camera leaves
 * them, 500 a folder, five crops of 10-100 kB for each scene of 0.1-1.2 MB. Big: COUNT files of
 * BYTES each. The content is pseudo-random, as that of compressed images is to everybody who stores
 * it, and the same each time.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "tests/bench/corpus.h"

#define STEP ((size_t)1 << 20)
#define A_FOLDER 500u
#define A_SCENE 6u /* of so many files one is a scene */

/* splitmix64 (Steele, Lea, Flood 2014): enough to be incompressible. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t between(uint64_t *state, uint64_t low, uint64_t high)
{
	return low + next(state) % (high - low);
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		corpus_die(path);
}

static void make_file(const char *path, uint64_t size, uint64_t *state, uint64_t *buf)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	uint8_t digest[HASH_SIZE];
	struct hash_ctx h;
	char hex[65];

	if (fd < 0)
		corpus_die(path);
	hash_init(&h);
	for (uint64_t done = 0; done < size;) {
		size_t n = size - done < STEP ? (size_t)(size - done) : STEP;

		for (size_t i = 0; i < (n + 7) / 8; i++)
			buf[i] = next(state);
		if (write(fd, buf, n) != (ssize_t)n)
			corpus_die(path);
		hash_update(&h, buf, n);
		done += n;
	}
	hash_final(&h, digest);
	if (close(fd) != 0)
		corpus_die(path);
	text_hex(hex, digest, sizeof(digest));
	printf("%s %" PRIu64 " %s\n", hex, size, path);
}

static void make_small(uint64_t n, uint64_t *state, uint64_t *buf)
{
	bool scene = n % A_SCENE == 0;
	char path[CORPUS_PATH_MAX];

	snprintf(path, sizeof(path), "lane%02" PRIu64, n / A_FOLDER);
	if (n % A_FOLDER == 0)
		make_folder(path);
	snprintf(path, sizeof(path), "lane%02" PRIu64 "/20190504T%06" PRIu64 "-%s.jpg",
		 n / A_FOLDER, n, scene ? "scene" : "plate");
	make_file(path, scene ? between(state, 100000, 1200000) : between(state, 10000, 100000),
		  state, buf);
}

static void make_big(uint64_t n, uint64_t size, uint64_t *state, uint64_t *buf)
{
	char path[CORPUS_PATH_MAX];

	snprintf(path, sizeof(path), "%" PRIu64 ".mkv", n);
	make_file(path, size, state, buf);
}

int main(int argc, char **argv)
{
	uint64_t *buf = corpus_alloc(STEP), state = 20190504, count;
	bool big = argc == 5 && !strcmp(argv[1], "big");

	if (!big && (argc != 4 || strcmp(argv[1], "small") != 0)) {
		fprintf(stderr, "usage: mkcorpus small DIR COUNT | big DIR COUNT BYTES\n");
		return 2;
	}
	count = corpus_number(argv[3]);
	make_folder(argv[2]);
	if (chdir(argv[2]) < 0)
		corpus_die(argv[2]);
	for (uint64_t i = 0; i < count; i++) {
		if (big)
			make_big(i, corpus_number(argv[4]), &state, buf);
		else
			make_small(i, &state, buf);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
