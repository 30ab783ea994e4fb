/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Landlock as its documentation in the kernel has it, ABI 1 to 6: the headers here may be older than
 * the kernel this runs on. The numbers of the calls are the same on every architecture.
 */
#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE 445
#define CALL_RESTRICT_SELF 446

#define FS_EXECUTE (1u << 0)
#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_FILE (1u << 5)
#define FS_MAKE_REG (1u << 8)
#define FS_ALL_1 ((1u << 13) - 1)
#define FS_REFER (1u << 13)	/* ABI 2 */
#define FS_TRUNCATE (1u << 14)	/* ABI 3 */
#define FS_IOCTL_DEV (1u << 15) /* ABI 5 */
#define NET_BIND_CONNECT 3u	/* ABI 4 */
#define SCOPE_SOCKET_SIGNAL 3u	/* ABI 6 */

#define KEPT ((1u << CAP_DAC_OVERRIDE) | (1u << CAP_IPC_LOCK))

struct ruleset {
	uint64_t fs, net, scoped;
};

struct __attribute__((packed)) beneath {
	uint64_t allowed;
	int32_t fd;
};

/* What the kernel's ABI knows of a wish, and how much of the struct it takes. */
static size_t fit(struct ruleset *r, int abi)
{
	*r = (struct ruleset){.fs = FS_ALL_1};
	r->fs |= abi >= 2 ? FS_REFER : 0;
	r->fs |= abi >= 3 ? FS_TRUNCATE : 0;
	r->fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
	r->net = abi >= 4 ? NET_BIND_CONNECT : 0;
	r->scoped = abi >= 6 ? SCOPE_SOCKET_SIGNAL : 0;
	return abi >= 6 ? sizeof(*r) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static int add_places(int ruleset, const struct ruleset *all, const struct sandbox_ask *ask,
		      struct err *e)
{
	const uint64_t look = FS_READ_FILE | FS_READ_DIR;
	const uint64_t change = FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE;

	for (size_t i = 0; i < ask->places; i++) {
		struct beneath b = {.allowed = look | (ask->place[i].write ? change : 0),
				    .fd = ask->place[i].fd};

		b.allowed &= all->fs;
		if (b.fd >= 0 && syscall(CALL_ADD_RULE, ruleset, 1, &b, 0) != 0)
			return err_sys(e, "can't keep the process to its directories (Landlock)");
	}
	return 0;
}

static int keep_to_places(const struct sandbox_ask *ask, int *in_force, struct err *e)
{
	long abi = syscall(CALL_CREATE_RULESET, NULL, 0, 1);
	struct ruleset all;
	int fd, rc;

	*in_force = 0;
	/* ENOSYS: an older kernel, or one built without it. EOPNOTSUPP: switched off at boot. */
	if (abi <= 0)
		return 0;
	fd = (int)syscall(CALL_CREATE_RULESET, &all, fit(&all, (int)abi), 0);
	if (fd < 0)
		return err_sys(e, "can't keep the process to its directories (Landlock)");
	rc = add_places(fd, &all, ask, e);
	if (rc == 0 && syscall(CALL_RESTRICT_SELF, fd, 0) != 0)
		rc = err_sys(e, "can't keep the process to its directories (Landlock)");
	close(fd);
	*in_force = rc ? 0 : (int)abi;
	return rc;
}

/* Files of an archive may belong to others: root goes on to read them, where it may open files at all.
 * Buffers with plaintext are locked as they are needed. */
static int drop_capabilities(struct err *e)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) != 0)
		return err_sys(e, "can't read capabilities");
	d[0].effective &= KEPT;
	d[0].permitted &= KEPT;
	d[0].inheritable = 0;
	d[1] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &h, d) != 0)
		return err_sys(e, "can't give capabilities away");
	return 0;
}

int sandbox_enter(const struct sandbox_ask *ask, struct sandbox_state *state, struct err *e)
{
	int rc;

	*state = (struct sandbox_state){0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, "can't give up new privileges");
	rc = keep_to_places(ask, &state->landlock, e);
	if (rc == 0)
		rc = drop_capabilities(e);
	return rc ? rc : sandbox_filter(&state->seccomp, e);
}

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CHECKED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHECKED 1
#endif
#ifndef CHECKED
#define CHECKED 0
#endif

int sandbox_enter_unless_checked(const struct sandbox_ask *ask, struct sandbox_state *state,
				 struct err *e)
{
	*state = (struct sandbox_state){.checked = CHECKED};
	return CHECKED ? 0 : sandbox_enter(ask, state, e);
}

void sandbox_text(char out[SANDBOX_TEXT], const struct sandbox_state *state)
{
	if (state->checked)
		snprintf(out, SANDBOX_TEXT, "nothing (a build for tests)");
	else if (state->landlock)
		snprintf(out, SANDBOX_TEXT, "landlock %d, %s", state->landlock,
			 state->seccomp ? "seccomp" : "no seccomp");
	else
		snprintf(out, SANDBOX_TEXT, "no landlock, %s",
			 state->seccomp ? "seccomp" : "no seccomp");
}
