/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/fixture.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void join(char path[FIXTURE_PATH], const char *dir, const char *name)
{
	if (snprintf(path, FIXTURE_PATH, "%s/%s", dir, name) >= FIXTURE_PATH)
		errx(1, "path too long: %s/%s", dir, name);
}

bool fixture_vectors(char path[FIXTURE_PATH], const char *name)
{
	const char *shared = getenv("SHARED");
	char vectors[FIXTURE_PATH];
	struct stat st;

	if (shared) {
		join(vectors, shared, "vectors");
		join(path, vectors, name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return true;
	}
	printf("SKIP: %s (no vectors)\n", name);
	fflush(stdout);
	return false;
}

bool fixture_program(const char *program)
{
	const char *dirs = getenv("PATH");
	char path[FIXTURE_PATH], *copy, *save, *dir;
	bool found = strchr(program, '/') && access(program, R_OK) == 0;

	copy = strdup(dirs ? dirs : "");
	if (!copy)
		err(1, "strdup");
	for (dir = strtok_r(copy, ":", &save); dir && !found; dir = strtok_r(NULL, ":", &save)) {
		join(path, dir, program);
		found = access(path, X_OK) == 0;
	}
	free(copy);
	if (!found) {
		printf("SKIP: %s is not installed\n", program);
		fflush(stdout);
	}
	return found;
}

char *fixture_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	char *p;

	if (!f || fstat(fileno(f), &st) != 0)
		err(1, "%s", path);
	p = malloc((size_t)st.st_size + 1);
	if (!p || fread(p, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		err(1, "%s", path);
	fclose(f);
	p[st.st_size] = '\0';
	if (n)
		*n = (size_t)st.st_size;
	return p;
}

void fixture_write(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || (n > 0 && fwrite(p, 1, n, f) != n) || fclose(f) != 0)
		err(1, "%s", path);
}

void fixture_dir(char path[FIXTURE_PATH])
{
	const char *tmp = getenv("TMPDIR");

	join(path, tmp ? tmp : "/tmp", "custody-unit.XXXXXX");
	if (!mkdtemp(path))
		err(1, "%s", path);
}

/* Calls visit for every entry of dir but the two dots. */
static void entries(const char *dir, void (*visit)(const char *path, void *ctx), void *ctx)
{
	DIR *d = opendir(dir);
	char path[FIXTURE_PATH];
	struct dirent *e;

	if (!d)
		err(1, "%s", dir);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		join(path, dir, e->d_name);
		visit(path, ctx);
	}
	closedir(d);
}

static void remove_one(const char *path, void *ctx)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		entries(path, remove_one, ctx);
	if (remove(path) != 0)
		err(1, "%s", path);
}

void fixture_remove(const char *path)
{
	remove_one(path, NULL);
}

static void child(const char *dir, const char *command)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(126);
	if (dir && chdir(dir) != 0)
		_exit(126);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

int fixture_run(const char *dir, const char *command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		child(dir, command);
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct walk {
	const char *suffix;
	void (*each)(const char *path, void *ctx);
	void *ctx;
	size_t count;
};

static void walk_one(const char *path, void *ctx)
{
	struct walk *w = ctx;
	size_t n = strlen(path), k = strlen(w->suffix);
	struct stat st;

	if (stat(path, &st) != 0)
		err(1, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		entries(path, walk_one, w);
	} else if (n >= k && strcmp(path + n - k, w->suffix) == 0) {
		w->count++;
		w->each(path, w->ctx);
	}
}

size_t fixture_each(const char *dir, const char *suffix, void (*each)(const char *path, void *ctx),
		    void *ctx)
{
	struct walk w = {.suffix = suffix, .each = each, .ctx = ctx};

	entries(dir, walk_one, &w);
	return w.count;
}

void fixture_fill(void *out, size_t n, uint32_t seed)
{
	uint8_t *p = out;
	uint32_t x = seed * 2654435761u + 1; /* Knuth's multiplier: near seeds, far states */

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		p[i] = (uint8_t)(x >> 24);
	}
}
