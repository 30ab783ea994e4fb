// SPDX-License-Identifier: Apache-2.0
/*
 * walk DIR: readdir of everything below DIR, and fstatat of each entry; prints "COUNT BYTES
 * SECONDS" of the regular files.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/corpus.h"

static void walk(int fd, uint64_t *count, uint64_t *bytes)
{
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *en;
	struct stat st;

	if (!d)
		corpus_die("a folder");
	while ((errno = 0, en = readdir(d))) {
		if (!strcmp(en->d_name, ".") || !strcmp(en->d_name, ".."))
			continue;
		if (fstatat(dirfd(d), en->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			corpus_die(en->d_name);
		if (S_ISDIR(st.st_mode)) {
			walk(openat(dirfd(d), en->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			     count, bytes);
		} else {
			*bytes += (uint64_t)st.st_size;
			(*count)++;
		}
	}
	if (errno)
		corpus_die("readdir");
	closedir(d);
}

int main(int argc, char **argv)
{
	uint64_t count = 0, bytes = 0;
	double begun = corpus_now();

	if (argc != 2) {
		fprintf(stderr, "usage: walk DIR\n");
		return 2;
	}
	walk(open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), &count, &bytes);
	printf("%" PRIu64 " %" PRIu64 " %.6f\n", count, bytes, corpus_now() - begun);
	return 0;
}
