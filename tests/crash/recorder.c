// SPDX-License-Identifier: Apache-2.0
/*
 * recorder: an nbdkit plugin, a disk that remembers all that was done to it.
 *
 *   nbdkit recorder.so file=IMAGE log=LOG
 *
 * Reads and writes go to IMAGE. Each write and each flush is appended to LOG as well, in the order in
 * which it was answered: 'W', offset u64, length u32, the bytes; or 'F'. Integers are of this machine.
 * states.c makes of it what a disk may hold after the power went.
 */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One request at a time: the log is an order. */
#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

static char *file, *log_name;
static int fd = -1, log_fd = -1;

static int recorder_config(const char *key, const char *value)
{
	char **to = strcmp(key, "file") == 0 ? &file : strcmp(key, "log") == 0 ? &log_name : NULL;

	if (!to) {
		nbdkit_error("unknown parameter %s", key);
		return -1;
	}
	*to = nbdkit_absolute_path(value);
	return *to ? 0 : -1;
}

static int recorder_get_ready(void)
{
	if (!file || !log_name) {
		nbdkit_error("file= and log= are needed");
		return -1;
	}
	fd = open(file, O_RDWR | O_CLOEXEC);
	log_fd = open(log_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || log_fd < 0) {
		nbdkit_error("%s, %s: %s", file, log_name, strerror(errno));
		return -1;
	}
	return 0;
}

static void recorder_unload(void)
{
	free(file);
	free(log_name);
}

static void *recorder_open(int readonly)
{
	(void)readonly;
	return &fd;
}

static int64_t recorder_get_size(void *handle)
{
	struct stat st;

	(void)handle;
	return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static int put(int to, const void *p, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t k = at < 0 ? write(to, p, n) : pwrite(to, p, n, at);

		if (k <= 0) {
			nbdkit_error("write: %s", strerror(errno));
			return -1;
		}
		p = (const char *)p + k;
		n -= (size_t)k;
		at += at < 0 ? 0 : k;
	}
	return 0;
}

static int recorder_pread(void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
	(void)handle;
	(void)flags;
	while (count > 0) {
		ssize_t k = pread(fd, buf, count, (off_t)offset);

		if (k <= 0) {
			nbdkit_error("read: %s", k ? strerror(errno) : "past the end");
			return -1;
		}
		buf = (char *)buf + k;
		count -= (uint32_t)k;
		offset += (uint64_t)k;
	}
	return 0;
}

static int recorder_pwrite(void *handle, const void *buf, uint32_t count, uint64_t offset,
			   uint32_t flags)
{
	uint8_t head[13] = {'W'};

	(void)handle;
	(void)flags; /* FUA is a flush behind it: nbdkit asks for one */
	memcpy(head + 1, &offset, 8);
	memcpy(head + 9, &count, 4);
	if (put(fd, buf, count, (off_t)offset) < 0 || put(log_fd, head, sizeof(head), -1) < 0)
		return -1;
	return put(log_fd, buf, count, -1);
}

static int recorder_flush(void *handle, uint32_t flags)
{
	(void)handle;
	(void)flags;
	return put(log_fd, "F", 1, -1);
}

static struct nbdkit_plugin plugin = {
	.name = "recorder",
	.config = recorder_config,
	.get_ready = recorder_get_ready,
	.unload = recorder_unload,
	.open = recorder_open,
	.get_size = recorder_get_size,
	.pread = recorder_pread,
	.pwrite = recorder_pwrite,
	.flush = recorder_flush,
};

NBDKIT_REGISTER_PLUGIN(plugin)
