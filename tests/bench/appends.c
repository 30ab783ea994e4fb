// SPDX-License-Identifier: Apache-2.0
/*
 * appends FILE MS: for so long, append a line as long as an `opened` event to FILE and have it synced,
 * one after the other: what a single reader of small files can't be faster than, since each of its
 * opens is durable before the first byte. Prints "COUNT BYTES SECONDS".
 */
#include <fcntl.h>
#include <unistd.h>

#include "tests/bench/corpus.h"

#define LINE 312

int main(int argc, char **argv)
{
	char line[LINE];
	uint64_t count = 0;
	double begun, until;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: appends FILE MS\n");
		return 2;
	}
	memset(line, 'x', sizeof(line) - 1);
	line[LINE - 1] = '\n';
	fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		corpus_die(argv[1]);
	begun = corpus_now();
	until = begun + (double)corpus_number(argv[2]) / 1000;
	for (; corpus_now() < until; count++) {
		if (write(fd, line, LINE) != LINE || fdatasync(fd) != 0)
			corpus_die(argv[1]);
	}
	printf("%" PRIu64 " %" PRIu64 " %.6f\n", count, count * LINE, corpus_now() - begun);
	return close(fd);
}
