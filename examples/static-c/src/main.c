/* Says which limits it runs under, and ends with a status that is not 0: altee's last line shows it. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static void print_limit(const char *name, int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == 0)
		printf("%-10s %llu\n", name, (unsigned long long)limit.rlim_max);
}

int main(void)
{
	struct utsname system;

	if (uname(&system) == 0)
		printf("%-10s %s %s\n", "kernel", system.sysname, system.release);
	print_limit("files", RLIMIT_NOFILE);
	print_limit("processes", RLIMIT_NPROC);
	print_limit("core", RLIMIT_CORE);
	return 3;
}
