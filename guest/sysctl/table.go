// Package sysctl holds the hardening settings that the kernel's configuration can't give, and writes them.
package sysctl

// need says what an absent sysctl means.
type need int

const (
	// always: the kernel lacks a protection. Refuse to run, unless the manifest makes an exception.
	always need = iota
	// withFeature: the kernel lacks the feature that the setting restricts, which is stricter still.
	withFeature
)

type setting struct {
	name   string // as sysctl(8) writes it
	value  string
	absent need
	reason string
}

var settings = []setting{
	{"kernel.kptr_restrict", "2", always, "Kernel addresses are hidden from everyone, root included"},
	{"kernel.dmesg_restrict", "1", always, "The kernel's log tells addresses and devices"},
	{"kernel.yama.ptrace_scope", "3", always, "No process can be attached to; can't be undone until the next boot"},
	{"kernel.oops_limit", "100", always, "Repeated crashes of the kernel can turn into an overflow of a counter"},
	{"kernel.warn_limit", "100", always, "As oops_limit, for warnings"},
	{"fs.protected_symlinks", "1", always, "Nobody follows another user's link in a shared folder"},
	{"fs.protected_hardlinks", "1", always, "Nobody links to another user's file to keep or misuse it"},
	{"fs.protected_fifos", "2", always, "Nobody plants a FIFO for another user in a shared folder"},
	{"fs.protected_regular", "2", always, "Nobody plants a file for another user in a shared folder"},
	{"kernel.perf_event_paranoid", "3", withFeature, "Performance events are a large and often broken interface"},
	{"user.max_user_namespaces", "0", withFeature, "A user namespace gives an ordinary user root's attack surface"},
	{"net.ipv4.conf.all.accept_redirects", "0", withFeature, "A neighbour must not change routes"},
	{"net.ipv4.conf.default.accept_redirects", "0", withFeature, "A neighbour must not change routes"},
	{"net.ipv4.conf.default.accept_source_route", "0", withFeature, "A sender must not choose the route"},
	{"net.ipv6.conf.all.accept_redirects", "0", withFeature, "A neighbour must not change routes"},
	{"net.ipv6.conf.default.accept_redirects", "0", withFeature, "A neighbour must not change routes"},
	{"net.ipv6.conf.all.accept_ra", "0", withFeature, "A neighbour must not give addresses and routes"},
	{"net.ipv6.conf.default.accept_ra", "0", withFeature, "A neighbour must not give addresses and routes"},
	{"net.ipv4.ip_unprivileged_port_start", "0", withFeature,
		"One application: no port needs protection from another, and none needs root to listen on 443"},
}
