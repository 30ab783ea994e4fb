// SPDX-License-Identifier: Apache-2.0
/*
 * replay [DIR]                  every case DIR/<target>/<name>.case (tests/corpora): TAP, one test
 *                               a target
 * replay --unpack DIR OUT       their bytes, as seeds for a fuzzer: OUT/<target>/<name>
 * replay --run TARGET FILE...   what the target says of the bytes of these files
 * replay --pack TARGET ABOUT F  the case of these bytes, on standard output
 *
 * A case is a text file: lines `about: `, `expect: ` (a word of crypto/err, "ok" for what is good) and
 * `bytes: text` or `bytes: hex`, an empty line, and the bytes. Hex digits may be broken into lines.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/err.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fixture.h"

#define SECONDS_MAX 60 /* a target's cases take a second; one that hangs is one that fails */

struct one_case {
	char name[256];
	char expect[32];
	uint8_t *p; /* owned: exactly n bytes, so that a sanitizer sees what is read past them */
	size_t n;
};

static void line_after(const char **at, const char *key, char *out, size_t cap, const char *path)
{
	const char *lf = strchr(*at, '\n');
	size_t k = strlen(key);

	if (!lf || strncmp(*at, key, k) != 0 || (size_t)(lf - *at) - k >= cap)
		errx(2, "%s: no line '%s'", path, key);
	memcpy(out, *at + k, (size_t)(lf - *at) - k);
	out[(size_t)(lf - *at) - k] = '\0';
	*at = lf + 1;
}

static size_t unhex(uint8_t *out, const char *s, const char *end, const char *path)
{
	size_t n = 0;

	while (s < end) {
		if (*s == '\n') {
			s++;
			continue;
		}
		if (end - s < 2 || !text_unhex((struct text_span){s, 2}, &out[n++], 1))
			errx(2, "%s: not hex digits", path);
		s += 2;
	}
	return n;
}

static void load(struct one_case *c, const char *path)
{
	char about[512], bytes[16];
	size_t n;
	char *text = fixture_read(path, &n);
	const char *at = text;

	line_after(&at, "about: ", about, sizeof(about), path);
	line_after(&at, "expect: ", c->expect, sizeof(c->expect), path);
	line_after(&at, "bytes: ", bytes, sizeof(bytes), path);
	if (*at++ != '\n')
		errx(2, "%s: no empty line", path);
	c->n = (size_t)(text + n - at);
	c->p = malloc(c->n + (c->n == 0));
	if (!c->p)
		errx(2, "out of memory");
	if (strcmp(bytes, "hex") == 0) {
		c->n = unhex(c->p, at, text + n, path);
		c->p = realloc(c->p, c->n + (c->n == 0));
	} else {
		memcpy(c->p, at, c->n);
	}
	free(text);
}

static int only_cases(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && strcmp(dot, ".case") == 0;
}

/* Call each(target, case, ctx) for those of one target, by name; returns how many there are. */
static int each_case(const char *dir, const struct fuzz_target *t,
		     void (*each)(const struct fuzz_target *t, struct one_case *c, void *ctx),
		     void *ctx)
{
	struct dirent **list;
	char path[FIXTURE_PATH];
	int n;

	snprintf(path, sizeof(path), "%s/%s", dir, t->name);
	n = scandir(path, &list, only_cases, alphasort);
	for (int i = 0; i < n; i++) {
		struct one_case c = {.n = 0};

		snprintf(path, sizeof(path), "%s/%s/%s", dir, t->name, list[i]->d_name);
		snprintf(c.name, sizeof(c.name), "%s", list[i]->d_name);
		load(&c, path);
		each(t, &c, ctx);
		free(c.p);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return n > 0 ? n : 0;
}

/* ---- replaying ---- */

/* What a child that dies leaves behind. */
struct progress {
	char name[256];
	int cases, wrong;
};

static void replay_one(const struct fuzz_target *t, struct one_case *c, void *ctx)
{
	struct progress *now = ctx;
	const char *word;

	snprintf(now->name, sizeof(now->name), "%s", c->name);
	word = err_word(t->run(c->p, c->n));
	now->cases++;
	if (strcmp(word, c->expect) == 0)
		return;
	now->wrong++;
	printf("# %s/%s: %s, expected %s\n", t->name, c->name, word, c->expect);
}

static bool replay(const char *dir, const struct fuzz_target *t, size_t number)
{
	struct progress *now = mmap(NULL, sizeof(*now), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	bool good;
	pid_t child;

	if (now == MAP_FAILED)
		err(2, "mmap");
	fflush(stdout);
	child = fork();
	if (child < 0)
		err(2, "fork");
	if (child == 0) {
		alarm(SECONDS_MAX);
		each_case(dir, t, replay_one, now);
		fflush(stdout);
		exit(0); /* sanitizers look for leaks */
	}
	if (waitpid(child, &status, 0) != child)
		err(2, "waitpid");
	good = status == 0 && now->wrong == 0 && now->cases > 0;
	if (status != 0)
		printf("# %s: ended with status %#x at %s\n", t->name, (unsigned)status, now->name);
	printf("%sok %zu - %s: %d cases\n", good ? "" : "not ", number, t->name, now->cases);
	munmap(now, sizeof(*now));
	return good;
}

static int replay_all(const char *dir)
{
	bool good = true;

	printf("1..%zu\n", fuzz_targets_count);
	for (size_t i = 0; i < fuzz_targets_count; i++)
		good &= replay(dir, &fuzz_targets[i], i + 1);
	return good ? 0 : 1;
}

/* ---- for fuzzers, and for who makes cases ---- */

static void unpack_one(const struct fuzz_target *t, struct one_case *c, void *ctx)
{
	char path[FIXTURE_PATH];

	snprintf(path, sizeof(path), "%s/%s/%s", (const char *)ctx, t->name, c->name);
	fixture_write(path, c->p, c->n);
}

static int unpack(const char *dir, char *out)
{
	char path[FIXTURE_PATH];

	for (size_t i = 0; i < fuzz_targets_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", out, fuzz_targets[i].name);
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			err(2, "%s", path);
		each_case(dir, &fuzz_targets[i], unpack_one, out);
	}
	return 0;
}

static const char *run_file(const struct fuzz_target *t, const char *path, char **p, size_t *n)
{
	uint8_t *exact;
	const char *word;

	*p = fixture_read(path, n);
	exact = malloc(*n + (*n == 0));
	if (!exact)
		errx(2, "out of memory");
	memcpy(exact, *p, *n);
	word = err_word(t->run(exact, *n));
	free(exact);
	return word;
}

/* Would it come through editors and mail as it is? */
static bool plain_text(const char *p, size_t n)
{
	return text_valid(p, n);
}

static int pack(const struct fuzz_target *t, const char *about, const char *path)
{
	size_t n;
	char *p;
	const char *word = run_file(t, path, &p, &n);
	bool hex = t->binary || !plain_text(p, n);

	printf("about: %s\nexpect: %s\nbytes: %s\n\n", about, word, hex ? "hex" : "text");
	if (!hex)
		fwrite(p, 1, n, stdout);
	for (size_t i = 0; hex && i < n; i++)
		printf("%02x%s", (uint8_t)p[i], i % 40 == 39 || i + 1 == n ? "\n" : "");
	free(p);
	return ferror(stdout) ? 2 : 0;
}

int main(int argc, char **argv)
{
	const struct fuzz_target *t = argc > 2 ? fuzz_find(argv[2]) : NULL;

	if (argc < 3 && (argc == 1 || argv[1][0] != '-'))
		return replay_all(argc == 1 ? "tests/corpora" : argv[1]);
	if (argc == 4 && strcmp(argv[1], "--unpack") == 0)
		return unpack(argv[2], argv[3]);
	if (argc == 5 && t && strcmp(argv[1], "--pack") == 0)
		return pack(t, argv[3], argv[4]);
	for (int i = 3; argc > 3 && t && strcmp(argv[1], "--run") == 0 && i < argc; i++) {
		size_t n;
		char *p;

		printf("%s %s\n", run_file(t, argv[i], &p, &n), argv[i]);
		free(p);
		if (i + 1 == argc)
			return 0;
	}
	fprintf(stderr, "usage: see the top of tests/fuzz/replay.c\n");
	return 2;
}
