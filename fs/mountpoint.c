// SPDX-License-Identifier: Apache-2.0
#include "fs/mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* statx: an id that is never used again (Linux 6.8); older kernels give the one of mountinfo. */
#define MOUNT_ID (STATX_MNT_ID | 0x4000u)

extern char **environ;

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *w = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*w++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*w++ = *s;
		}
	}
	*w = '\0';
}

/* id parent major:minor root target options... - type source superoptions */
static bool parse_line(char *line, char **target, struct mountpoint_info *info)
{
	char *save = NULL, *word, *options;
	unsigned n = 0;

	*target = options = NULL;
	for (word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save), n++) {
		if (n == 2 && sscanf(word, "%u:%u", &info->major, &info->minor) != 2)
			return false;
		if (n == 4)
			*target = word;
		if (n == 5)
			options = word;
		if (n > 5 && !strcmp(word, "-"))
			break;
	}
	if (!word || !options)
		return false;
	info->read_only = !strcmp(options, "ro") || !strncmp(options, "ro,", 3);
	word = strtok_r(NULL, " \n", &save);
	snprintf(info->type, sizeof(info->type), "%s", word ? word : "");
	word = strtok_r(NULL, " \n", &save);
	if (word)
		unescape(word);
	snprintf(info->source, sizeof(info->source), "%s", word ? word : "");
	unescape(*target);
	return true;
}

int mountpoint_find(const char *path, struct mountpoint_info *info, struct err *e)
{
	FILE *fp = fopen("/proc/self/mountinfo", "re");
	struct mountpoint_info one;
	char *line = NULL, *target;
	size_t cap = 0;
	int rc = ERR_NOTFOUND;

	if (!fp)
		return err_sys(e, "can't read /proc/self/mountinfo");
	while (getline(&line, &cap, fp) > 0) {
		if (parse_line(line, &target, &one) && !strcmp(target, path)) {
			*info = one; /* later lines lie on top */
			rc = 0;
		}
	}
	free(line);
	fclose(fp);
	return rc;
}

/* Absolute form of a path whose last component may not answer. */
static int absolute(const char *given, char *out, struct err *e)
{
	char copy[PATH_MAX], dir[PATH_MAX];
	char *slash;
	size_t n = strlen(given);

	if (realpath(given, out))
		return 0;
	if (errno != ENOTCONN)
		return errno == ENOENT ? err_set(e, ERR_NOTFOUND, "%s: no such directory", given) :
					 err_sys(e, "%s", given);
	while (n > 1 && given[n - 1] == '/')
		n--;
	if (n >= sizeof(copy))
		return err_set(e, ERR_USAGE, "%s: path too long", given);
	memcpy(copy, given, n);
	copy[n] = '\0';
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (!realpath(!slash ? "." : *copy ? copy : "/", dir))
		return err_sys(e, "%s", given);
	if (snprintf(out, PATH_MAX, "%s/%s", strcmp(dir, "/") ? dir : "",
		     slash ? slash + 1 : copy) >= PATH_MAX)
		return err_set(e, ERR_USAGE, "%s: path too long", given);
	return 0;
}

/* What those who are not root may do. */
static bool fusermount(char *option, const char *path)
{
	char *argv[] = {"fusermount3", "-u", "-q", option, "--", (char *)path, NULL};
	int status = 0;
	pid_t pid;

	return posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0 &&
	       waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int mountpoint_unmount(const char *path, struct err *e)
{
	struct mountpoint_info info;

	/* What somebody has mounted over it is not ours to unmount. */
	if (mountpoint_find(path, &info, NULL) < 0 || strcmp(info.type, MOUNTPOINT_TYPE) != 0)
		return err_set(e, ERR_NOTFOUND, "%s: custodyfs is not mounted there", path);
	if (umount2(path, UMOUNT_NOFOLLOW) == 0 || (errno == EPERM && fusermount("-q", path)))
		return 0;
	return err_set(e, ERR_BUSY, "%s: it is in use", path);
}

static int detach(const char *path, struct err *e)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || fusermount("-z", path))
		return 0;
	return err_set(e, ERR_BUSY, "%s: a dead mount is in the way; run: umount -l '%s'", path,
		       path);
}

static int check_empty(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *de;
	bool empty = true;

	if (!d)
		return errno == ENOTDIR ? err_set(e, ERR_USAGE, "%s: not a directory", path) :
					  err_sys(e, "%s", path);
	while (empty && (de = readdir(d)))
		empty = !strcmp(de->d_name, ".") || !strcmp(de->d_name, "..");
	closedir(d);
	return empty ? 0 : err_set(e, ERR_USAGE, "%s: the mount point is not empty", path);
}

/* Nobody serves it. Attributes may still be cached: only what asks the daemon tells. */
static bool is_dead(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOTCONN;
	close(fd);
	return false;
}

int mountpoint_prepare(const char *given, char *out, bool *cleared, struct err *e)
{
	struct mountpoint_info info;
	int rc;

	*cleared = false;
	rc = absolute(given, out, e);
	if (rc < 0)
		return rc;
	if (mountpoint_find(out, &info, NULL) == 0 && !strcmp(info.type, MOUNTPOINT_TYPE)) {
		if (!is_dead(out))
			return err_set(e, ERR_BUSY, "%s: custodyfs is mounted there already", out);
		rc = detach(out, e);
		if (rc < 0)
			return rc;
		*cleared = true;
	}
	return check_empty(out, e);
}

/* A descriptor of what is mounted there, and who it is. Asks nobody who serves it. */
static int open_id(const char *path, struct mountpoint_id *id)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statx st = {0};

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, MOUNT_ID, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*id = (struct mountpoint_id){st.stx_mnt_id, st.stx_dev_major, st.stx_dev_minor};
	return fd;
}

int mountpoint_identify(const char *path, struct mountpoint_id *id)
{
	int fd = open_id(path, id);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? ERR_SYSTEM : 0;
}

void mountpoint_detach(const char *path, const struct mountpoint_id *id)
{
	struct mountpoint_id now;
	int fd = open_id(path, &now);
	char self[64];

	if (fd < 0)
		return;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	/* By the descriptor: another mount may come to lie there in the meantime. */
	if (now.mount == id->mount && now.major == id->major && now.minor == id->minor &&
	    umount2(self, MNT_DETACH) != 0)
		fusermount("-z", path);
	close(fd);
}

void mountpoint_readahead(const char *path, unsigned kib)
{
	struct mountpoint_info info = {0};
	char file[96];
	FILE *fp;

	if (mountpoint_find(path, &info, NULL) < 0)
		return;
	snprintf(file, sizeof(file), "/sys/class/bdi/%u:%u/read_ahead_kb", info.major, info.minor);
	fp = fopen(file, "we");
	if (!fp)
		return;
	fprintf(fp, "%u\n", kib);
	fclose(fp);
}
