/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- landlock ---------------------------------------------------------------------------------- */

/* Later than the headers that we build with. */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */

#define ACCESS_ABI_1                                                             \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |            \
		LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
		LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |     \
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |     \
		LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |   \
		LANDLOCK_ACCESS_FS_MAKE_SYM)

/* What is forbidden where no rule allows it; 0: no landlock here. */
static uint64_t handled_access(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 1)
		return 0;
	return ACCESS_ABI_1 | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
	       (abi >= 3 ? ACCESS_TRUNCATE : 0);
}

static int allow_below(int ruleset, uint64_t access, const char *folder)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = access & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE,
		.parent_fd = open(folder, O_PATH | O_CLOEXEC | O_DIRECTORY)};
	int ret = 0;

	if (rule.parent_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		ret = -errno;
	close(rule.parent_fd);
	return ret;
}

int rk_sandbox_write_below(const char *const *folder, size_t folder_cnt)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = handled_access()};
	int ruleset, ret = 0;

	if (attr.handled_access_fs == 0)
		return -ENOSYS;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < folder_cnt && ret == 0; i++)
		if (folder[i] != NULL)
			ret = allow_below(ruleset, attr.handled_access_fs, folder[i]);
	if (ret == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
				syscall(SYS_landlock_restrict_self, ruleset, 0) < 0))
		ret = -errno;
	close(ruleset);
	return ret;
}

/* ---- seccomp ----------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCH       AUDIT_ARCH_X86_64
#define ALIEN_CALL 0x40000000u /* numbers of another ABI begin here */
#define OF_ARCH    NO(ioperm), NO(iopl), NO(modify_ldt),
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define OF_ARCH
#endif

#ifdef ARCH
#define WORD(at)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, at))
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define DENY      (SECCOMP_RET_ERRNO | EPERM)
#define NO(call)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (SYS_##call), 0, 1), RETURN(DENY)
/* Over the next few instructions. */
#define SKIP_IF(value, cnt)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (cnt), 0)
#define SKIP_IF_NOT(value, cnt) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (cnt))

/* clang-format off */
static struct sock_filter program[] = {
	WORD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	WORD(nr),
#ifdef ALIEN_CALL
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ALIEN_CALL, 0, 1),
	RETURN(DENY),
#endif
	NO(execve), NO(execveat),
	NO(ptrace), NO(process_vm_readv), NO(process_vm_writev), NO(kcmp), NO(pidfd_getfd),
	NO(mount), NO(umount2), NO(pivot_root), NO(chroot), NO(move_mount), NO(open_tree),
	NO(fsopen), NO(fsmount), NO(fspick), NO(fsconfig), NO(mount_setattr),
	NO(open_by_handle_at), NO(name_to_handle_at),
	NO(unshare), NO(setns),
	NO(init_module), NO(finit_module), NO(delete_module), NO(kexec_load), NO(reboot),
	NO(bpf), NO(perf_event_open), NO(userfaultfd),
	NO(io_uring_setup), NO(io_uring_enter), NO(io_uring_register),
	NO(add_key), NO(request_key), NO(keyctl),
	NO(setuid), NO(setgid), NO(setreuid), NO(setregid), NO(setresuid), NO(setresgid),
	NO(setgroups), NO(setfsuid), NO(setfsgid),
	NO(swapon), NO(swapoff), NO(acct), NO(quotactl), NO(settimeofday), NO(clock_settime),
	NO(adjtimex), NO(clock_adjtime), NO(sethostname), NO(setdomainname), NO(personality),
	NO(syslog), NO(vhangup), NO(kexec_file_load), NO(fanotify_init),
	OF_ARCH
	/* What network, names and drivers take; no raw frames, none of the kernel's ciphers. */
	SKIP_IF_NOT(SYS_socket, 6),
	WORD(args[0]),
	SKIP_IF(AF_UNIX, 4), SKIP_IF(AF_INET, 3), SKIP_IF(AF_INET6, 2), SKIP_IF(AF_NETLINK, 1),
	RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
	RETURN(SECCOMP_RET_ALLOW),
};
/* clang-format on */
#endif

int rk_sandbox_drop_calls(void)
{
#ifdef ARCH
	struct sock_fprog filter = {sizeof(program) / sizeof(program[0]), program};
	long ret;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	ret = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	if (ret < 0)
		return -errno;
	return ret > 0 ? -ESRCH : 0; /* a thread that could not follow */
#else
	return -ENOSYS;
#endif
}
