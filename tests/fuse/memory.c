// SPDX-License-Identifier: Apache-2.0
/*
 * memory: what a mount's daemon has in memory.
 *
 *   memory keys NODE AUTHORISATION    the file keys it brings, "key HEX" a line, and "content HEX", what
 *                                     is made of each; NODE's key has no passphrase
 *   memory pieces FILE                pieces of a file, "piece HEX" a line
 *   memory scan PID|CORE <NEEDLES     how often these are in the memory of a process, or in a core file:
 *                                     "WORD COUNT" for each word
 */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/kdf.h"
#include "crypto/secret.h"
#include "crypto/text.h"
#include "fs/authorisation.h"
#include "fs/node.h"
#include "index/file.h"

#define FILE_MAX ((size_t)16 << 20)
#define NEEDLES 256
#define STEP (4u << 20)

struct needle {
	char word[16];
	uint8_t bytes[64];
	size_t n;
};

static int print_key(void *ctx, const uint8_t id[16], const uint8_t *commitment,
		     const uint8_t key[32])
{
	uint8_t derived[32];
	char hex[65];

	(void)ctx, (void)id, (void)commitment;
	text_hex(hex, key, 32);
	printf("key %s\n", hex);
	kdf_label(derived, key, "custodyfs/v1 content");
	text_hex(hex, derived, 32);
	printf("content %s\n", hex);
	return 0;
}

static int print_keys(const char *dir, const char *path, struct err *e)
{
	struct authorisation a = {0};
	struct secret_pool *pool = NULL;
	struct wire_out file = {0};
	struct document d = {0};
	struct node *n = NULL;
	int rc = secret_pool_new(&pool, 65536, e);

	if (rc == 0)
		rc = node_open(&n, dir, pool, NULL, NULL, e);
	if (rc == 0)
		rc = file_read_path(path, FILE_MAX, &file, e);
	if (rc == 0)
		rc = document_parse(&d, file.p, file.n, e);
	if (rc == 0)
		rc = authorisation_parse(&a, &d, e);
	if (rc == 0)
		rc = authorisation_open(&a, &d, node_identity(n), print_key, NULL, e);
	authorisation_free(&a);
	document_free(&d);
	wire_out_free(&file);
	node_close(n);
	secret_pool_free(pool);
	return rc;
}

static int print_pieces(const char *path, struct err *e)
{
	struct wire_out file = {0};
	int rc = file_read_path(path, FILE_MAX, &file, e);
	char hex[65];

	for (size_t at = 1000; rc == 0 && at + 32 < file.n; at += 20000) {
		text_hex(hex, file.p + at, 32);
		printf("piece %s\n", hex);
	}
	wire_out_free(&file);
	return rc;
}

static size_t read_needles(struct needle *list)
{
	char word[16], hex[129];
	size_t n = 0;

	while (n < NEEDLES && scanf("%15s %128s", word, hex) == 2) {
		struct needle *k = &list[n++];

		snprintf(k->word, sizeof(k->word), "%s", word);
		k->n = strlen(hex) / 2;
		for (size_t i = 0; i < k->n; i++)
			sscanf(hex + 2 * i, "%2hhx", &k->bytes[i]);
	}
	return n;
}

static uint64_t count(const uint8_t *p, size_t n, const struct needle *k)
{
	const uint8_t *at = p;
	uint64_t found = 0;

	while ((at = memmem(at, n - (size_t)(at - p), k->bytes, k->n))) {
		found++;
		at++;
	}
	return found;
}

static void look(const uint8_t *p, size_t n, const struct needle *list, size_t needles,
		 uint64_t *found)
{
	for (size_t i = 0; i < needles; i++)
		found[i] += count(p, n, &list[i]);
}

/* One range after the other, a step at a time, and some bytes again where a needle might lie across. */
static int scan_process(const char *pid, const struct needle *list, size_t needles, uint64_t *found)
{
	uint8_t *buf = malloc(STEP + 64);
	char path[64], line[512], mode[8];
	uint64_t from, to, got = 0;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	while (buf && maps && mem >= 0 && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode) != 3 ||
		    mode[0] != 'r')
			continue;
		if (to - from > ((uint64_t)1 << 32))
			continue; /* the index: address space, not memory */
		for (uint64_t at = from; at < to; at += STEP) {
			size_t n = to - at > STEP + 64 ? STEP + 64 : (size_t)(to - at);
			ssize_t r = pread(mem, buf, n, (off_t)at);

			if (r > 0) {
				look(buf, (size_t)r, list, needles, found);
				got += (uint64_t)r;
			}
		}
	}
	if (maps)
		fclose(maps);
	if (mem >= 0)
		close(mem);
	free(buf);
	return got ? 0 : -1;
}

static int scan_file(const char *path, const struct needle *list, size_t needles, uint64_t *found)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = MAP_FAILED;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	look(p, (size_t)st.st_size, list, needles, found);
	munmap(p, (size_t)st.st_size);
	close(fd);
	return 0;
}

static bool first(const struct needle *list, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (!strcmp(list[k].word, list[i].word))
			return false;
	}
	return true;
}

static int scan(const char *what)
{
	static struct needle list[NEEDLES];
	uint64_t found[NEEDLES] = {0}, sum;
	size_t needles = read_needles(list);
	int rc;

	if (isdigit((unsigned char)what[0])) {
		rc = scan_process(what, list, needles, found);
	} else {
		rc = scan_file(what, list, needles, found);
	}
	for (size_t i = 0; rc == 0 && i < needles; i++) {
		sum = 0;
		for (size_t k = 0; k < needles; k++)
			sum += strcmp(list[k].word, list[i].word) ? 0 : found[k];
		if (first(list, i))
			printf("%s %" PRIu64 "\n", list[i].word, sum);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = {0};
	int rc = -1;

	if (argc == 4 && !strcmp(argv[1], "keys"))
		rc = print_keys(argv[2], argv[3], &e);
	else if (argc == 3 && !strcmp(argv[1], "pieces"))
		rc = print_pieces(argv[2], &e);
	else if (argc == 3 && !strcmp(argv[1], "scan"))
		rc = scan(argv[2]);
	if (rc)
		fprintf(stderr, "memory: %s\n", e.text[0] ? e.text : "can't");
	return rc ? 1 : 0;
}
