/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "index/db_internal.h"

/* Bytes of files that are mapped into this process; 0 if that can't be told. */
static uint64_t mapped_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	uint64_t size, resident, shared = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64, &size, &resident, &shared) != 3)
		shared = 0;
	fclose(f);
	return shared * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Where a file is mapped. LMDB does not say. */
static bool find_map(int fd, uintptr_t *start, uintptr_t *end)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned major, minor;
	char line[512];
	uint64_t ino;
	struct stat st;
	bool found = false;

	if (!f || fstat(fd, &st) != 0)
		goto out;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %x:%x %" SCNu64, start, end,
			       &major, &minor, &ino) == 5 &&
			ino == st.st_ino && makedev(major, minor) == st.st_dev;
out:
	if (f)
		fclose(f);
	return found;
}

void db_trim(struct db_txn *t, uint64_t keep)
{
	uintptr_t start, end;
	int fd;

	if (mapped_bytes() <= keep || mdb_env_get_fd(t->db->env, &fd) != 0 ||
	    !find_map(fd, &start, &end))
		return;
	/* The map is shared and read-only: its pages stay in the page cache, and come back from there
	 * when they are looked at again. */
	madvise((void *)start, end - start, MADV_DONTNEED);
}
