// Package seccomp holds the system calls that the app may not make, and turns them into a filter.
//
// Everything else is allowed, so that static C, Go and other programs run unchanged; but the list is closed at
// its end: a call newer than those judged here does not exist for the app.
package seccomp

// Action is what a forbidden call leads to, seccomp(2).
type Action uint32

const (
	// kill ends the app with SIGSYS: no honest program makes the call in an image that grants none of it.
	kill Action = 0x80000000 // SECCOMP_RET_KILL_PROCESS
	// refuse answers EPERM: honest programs try the call and do without it.
	refuse Action = 0x00050000 | 1 // SECCOMP_RET_ERRNO, EPERM
	// absent answers ENOSYS: libraries then fall back on an older call.
	absent Action = 0x00050000 | 38 // SECCOMP_RET_ERRNO, ENOSYS
	// noFamily answers EAFNOSUPPORT, as a kernel without the address family does.
	noFamily Action = 0x00050000 | 97 // SECCOMP_RET_ERRNO, EAFNOSUPPORT
	allow    Action = 0x7fff0000      // SECCOMP_RET_ALLOW
)

// newestCall is mseal(2), the last call of Linux 6.12. x32 calls have bit 30 set and are beyond it too.
const newestCall = 462

type call struct {
	number uint32
	name   string
}

type rule struct {
	reason string
	action Action
	calls  []call
}

// rules forbids calls whatever their arguments are. Numbers: arch/x86/entry/syscalls/syscall_64.tbl.
var rules = []rule{
	{"The tree of mounts is measured with the image and sealed by PID 1", kill, []call{
		{165, "mount"}, {166, "umount2"}, {155, "pivot_root"}, {161, "chroot"}, {428, "open_tree"},
		{429, "move_mount"}, {430, "fsopen"}, {431, "fsconfig"}, {432, "fsmount"}, {433, "fspick"},
		{442, "mount_setattr"}, {167, "swapon"}, {168, "swapoff"},
	}},
	{"The kernel is the measured one and stays it", kill, []call{
		{175, "init_module"}, {313, "finit_module"}, {176, "delete_module"}, {174, "create_module"},
		{177, "get_kernel_syms"}, {178, "query_module"}, {246, "kexec_load"}, {320, "kexec_file_load"},
		{321, "bpf"},
	}},
	{"PID 1 alone ends the machine", kill, []call{{169, "reboot"}}},
	{"No process reads or steers another", kill, []call{
		{101, "ptrace"}, {310, "process_vm_readv"}, {311, "process_vm_writev"}, {312, "kcmp"},
	}},
	{"Key rings have a history of privilege escalation and hold nothing here", kill, []call{
		{248, "add_key"}, {249, "request_key"}, {250, "keyctl"},
	}},
	{"A new namespace gives privileges inside it: the largest attack surface of the kernel", kill, []call{
		{272, "unshare"}, {308, "setns"},
	}},
	{"Opens files past the permissions of their folders", kill, []call{{304, "open_by_handle_at"}}},
	{"Hardware ports and segments", kill, []call{{172, "iopl"}, {173, "ioperm"}, {154, "modify_ldt"}}},
	{"Time, names and accounting of the machine belong to PID 1", refuse, []call{
		{164, "settimeofday"}, {227, "clock_settime"}, {170, "sethostname"}, {171, "setdomainname"},
		{163, "acct"}, {179, "quotactl"}, {443, "quotactl_fd"}, {153, "vhangup"}, {300, "fanotify_init"},
		{303, "name_to_handle_at"},
	}},
	{"Tell about the kernel what an exploit needs", refuse, []call{{103, "syslog"}, {298, "perf_event_open"}}},
	{"Stalls the kernel at a chosen place: a tool of race exploits", absent, []call{{323, "userfaultfd"}}},
	{"System calls by another way than this filter sees", absent, []call{
		{425, "io_uring_setup"}, {426, "io_uring_enter"}, {427, "io_uring_register"},
	}},
	{"Its flags are in memory, where a filter can't see them; libraries fall back on clone", absent, []call{
		{435, "clone3"},
	}},
	{"Obsolete", absent, []call{
		{134, "uselib"}, {136, "ustat"}, {139, "sysfs"}, {156, "_sysctl"}, {180, "nfsservctl"},
		{212, "lookup_dcookie"},
	}},
}

// test says which values of an argument's lower 32 bits fall under an argument rule.
type test int

const (
	anyBitOf test = iota // value & values[0] != 0
	oneOf                // value is in values
	noneOf               // value is not in values
)

type argumentRule struct {
	reason   string
	call     call
	argument int // 0 to 5
	test     test
	values   []uint32
	action   Action
}

// argumentRules forbids calls by one argument; the kernel itself takes no more than its lower 32 bits.
var argumentRules = []argumentRule{
	{
		"New namespaces, as unshare", call{56, "clone"}, 0, anyBitOf,
		// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; sched.h
		[]uint32{0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000}, kill,
	},
	{
		"Rarely used protocols have a history of privilege escalation", call{41, "socket"}, 0, noneOf,
		[]uint32{1, 2, 10, 16, 40}, noFamily, // AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_VSOCK; socket.h
	},
	{
		"Executable data and a fixed address layout", call{135, "personality"}, 0, noneOf,
		[]uint32{0, 0xffffffff}, refuse, // PER_LINUX; "what is it?"
	},
	{
		"Types into or takes over the console", call{16, "ioctl"}, 1, oneOf,
		[]uint32{0x5412, 0x541c, 0x541d, 0x5423}, refuse, // TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD; ioctls.h
	},
}
