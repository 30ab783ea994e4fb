// SPDX-License-Identifier: Apache-2.0
/* mkitems DIR COUNT [FROM]: COUNT small files (about 60 bytes, all different), numbered from FROM (0) on,
 * in folders of 1,000. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int make(int dir, unsigned long n, unsigned long from)
{
	char name[64], text[128];
	int fd, len;

	snprintf(name, sizeof(name), "d%06lu", n / 1000);
	if ((n % 1000 == 0 || n == from) && mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return -1;
	snprintf(name, sizeof(name), "d%06lu/item%09lu.txt", n / 1000, n);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	len = snprintf(text, sizeof(text), "synthetic item %09lu, lane %lu, plate ABC%04lu\n", n,
		       n % 12, n % 10000);
	if (write(fd, text, (size_t)len) != len) {
		close(fd);
		return -1;
	}
	return close(fd);
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 3 || argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned long from = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	int dir;

	if (!count) {
		fprintf(stderr, "usage: mkitems DIR COUNT [FROM]\n");
		return 2;
	}
	mkdir(argv[1], 0755);
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned long n = from; n < from + count; n++) {
		if (dir < 0 || make(dir, n, from) < 0) {
			perror(argv[1]);
			return 1;
		}
	}
	close(dir);
	return 0;
}
