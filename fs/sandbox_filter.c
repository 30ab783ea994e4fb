/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of a mount that serves, as a seccomp filter: what the daemon, libfuse, LMDB,
 * libsodium and the C library (allocator, threads, stdio) call. Those of every request come first.
 */
#include "fs/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef ARCH

#define X32 0x40000000u
#define FILTER_MAX 512

static const uint16_t allowed[] = {
	/* each request */
	SYS_read, SYS_writev, SYS_futex, SYS_pread64, SYS_newfstatat, SYS_openat, SYS_close,
	SYS_fdatasync, SYS_pwrite64, SYS_flock, SYS_fstat, SYS_lseek, SYS_write,
	SYS_clock_nanosleep, SYS_getdents64, SYS_fcntl,
	/* files */
	SYS_readv, SYS_preadv, SYS_pwritev, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_faccessat,
	SYS_faccessat2, SYS_readlinkat, SYS_unlinkat, SYS_renameat2, SYS_linkat, SYS_mkdirat,
	SYS_ftruncate, SYS_fsync, SYS_fallocate, SYS_sync_file_range, SYS_fadvise64, SYS_umask,
	SYS_dup, SYS_dup3, SYS_pipe2, SYS_splice, SYS_vmsplice, SYS_tee,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_open /* the older forms, which the C library uses where there are any */
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_rename, SYS_mkdir,
	SYS_link, SYS_poll, SYS_dup2,
#endif
	/* memory, threads, time, signals to itself */
	SYS_madvise, SYS_munmap, SYS_mremap, SYS_brk, SYS_mincore, SYS_msync, SYS_mlock, SYS_mlock2,
	SYS_munlock, SYS_membarrier, SYS_exit, SYS_exit_group, SYS_set_robust_list, SYS_rseq,
	SYS_sched_yield, SYS_sched_getaffinity, SYS_restart_syscall, SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_sigaltstack, SYS_nanosleep,
	SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_ppoll, SYS_getrandom, SYS_getpid,
	SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrusage,
	SYS_sysinfo, SYS_uname, SYS_wait4, /* for the porter */
};

/* Nobody but an attacker makes these: the process ends. */
static const uint16_t deadly[] = {
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_getfd,
	SYS_kcmp,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_open_by_handle_at,
	SYS_mount,
	SYS_umount2,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_pivot_root,
	SYS_chroot,
	SYS_setns,
	SYS_unshare,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_settimeofday,
	SYS_clock_settime,
};

struct filter {
	struct sock_filter f[FILTER_MAX];
	unsigned short n;
};

static void add(struct filter *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	p->f[p->n++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct filter *p, size_t at)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0);
}

static void answer(struct filter *p, uint32_t action)
{
	add(p, BPF_RET | BPF_K, action, 0, 0);
}

/* If what was loaded is nr: that action. */
static void on(struct filter *p, uint32_t nr, uint32_t action)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
	answer(p, action);
}

/* The low half of an argument; all machines above are little endian. */
static size_t arg(unsigned i)
{
	return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t);
}

/* If nr was loaded: allowed if (argument & mask) == want, else EPERM. */
static void on_masked(struct filter *p, uint32_t nr, unsigned i, uint32_t mask, uint32_t want)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 5);
	load(p, arg(i));
	add(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, want, 0, 1);
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | EPERM);
}

static void build(struct filter *p)
{
	load(p, offsetof(struct seccomp_data, arch));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	answer(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		on(p, allowed[i], SECCOMP_RET_ALLOW);
	/* No memory that can be written and run, or made to be. */
	on_masked(p, SYS_mmap, 2, PROT_EXEC, 0);
	on_masked(p, SYS_mprotect, 2, PROT_EXEC, 0);
	/* Threads, and no processes. The C library takes ENOSYS as an older kernel's answer, and asks
	 * with clone, whose flags can be looked at. */
	on(p, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	on_masked(p, SYS_clone, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
	/* To whom a socket is connected already: the system's log, the service manager. */
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 0, 6);
	load(p, arg(4));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
	load(p, arg(4) + sizeof(uint32_t));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	answer(p, SECCOMP_RET_ALLOW);
	answer(p, SECCOMP_RET_ERRNO | EPERM);
	/* Signals to its own threads, and limits to be asked for. */
	on_masked(p, SYS_tgkill, 0, UINT32_MAX, (uint32_t)getpid());
	on_masked(p, SYS_prlimit64, 2, UINT32_MAX, 0);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		on(p, deadly[i], SECCOMP_RET_KILL_PROCESS);
#ifdef __x86_64__
	add(p, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
	answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
	answer(p, SECCOMP_RET_ERRNO | EPERM);
}

int sandbox_filter(bool *in_force, struct err *e)
{
	struct filter p = {.n = 0};
	struct sock_fprog prog;
	/* The mitigation that seccomp once turned on by itself is for processes that run others' code. */
	const unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	long rc;

	build(&p);
	prog = (struct sock_fprog){p.n, p.f};
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	*in_force = rc == 0;
	if (rc > 0)
		return err_set(e, ERR_SYSTEM, "can't keep thread %ld to its system calls", rc);
	/* EINVAL: built without filters. */
	if (rc < 0 && errno != ENOSYS && errno != EINVAL)
		return err_sys(e, "can't keep the process to its system calls (seccomp)");
	return 0;
}

#else

int sandbox_filter(bool *in_force, struct err *e)
{
	(void)e;
	*in_force = false;
	return 0;
}

#endif
