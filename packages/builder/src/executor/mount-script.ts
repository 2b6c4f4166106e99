import { SOURCE_PATH, STEP_HOST_NAME } from './environment.ts';

/**
 * The shell text that turns a root folder of the store into the root file system of a new mount namespace, and
 * then becomes the command. The root's own dash runs it, and every tool in it is the root's own, started through
 * the root's own loader: the host gives the kernel and nothing else.
 *
 * Environment: `R` root folder, `LD` its loader, `LP` its library folder. Arguments: triples
 * `<dir|file|dev>:<mount flags>`, absolute path inside, path on the host, up to `--`, then the command.
 * Standard error joins standard output, in the order of writing.
 *
 * The order matters. The root is bound on itself first and made read-only last, so that the mount points in it
 * can still be covered; nothing pivots or moves, since a process that moved its root may make no further user
 * namespace, and the last step of an ordinary user needs one. `nodev` and `nosuid` are always named: a remount
 * must repeat the flags that the host locked. The /proc of the new PID namespace is mounted twice: over the
 * host's, since the last `unshare` writes its id maps by process id, and read-only for the command.
 */
export const MOUNT_SCRIPT = `set -eu
umask 022
exec 2>&1
x() { tool=$1; shift; "$LD" --library-path "$LP" "$R/usr/bin/$tool" "$@"; }

x mount --bind "$R" "$R"

x mount -t tmpfs -o mode=755,nosuid,noexec altee-dev "$R/dev"
for node in null zero full random urandom; do
  : > "$R/dev/$node"
  x mount --bind "/dev/$node" "$R/dev/$node"
done
x ln -s /proc/self/fd "$R/dev/fd"
x ln -s /proc/self/fd/0 "$R/dev/stdin"
x ln -s /proc/self/fd/1 "$R/dev/stdout"
x ln -s /proc/self/fd/2 "$R/dev/stderr"
x mkdir "$R/dev/shm"
x mount -t tmpfs -o mode=1777,nosuid,nodev altee-shm "$R/dev/shm"
x mount -t tmpfs -o mode=1777,nosuid,nodev altee-tmp "$R/tmp"
x mount -t tmpfs -o mode=755,nosuid,nodev,noexec altee-src "$R${SOURCE_PATH}"

while [ "$1" != -- ]; do
  kind=\${1%%:*} flags=\${1#*:} inside=$R$2 host=$3
  shift 3
  case $kind in
    dev) : > "$inside"; x mount --bind "$host" "$inside"; continue ;;
    dir) [ -d "$inside" ] || x mkdir "$inside" ;;
    file) : > "$inside" ;;
  esac
  x mount --bind "$host" "$inside"
  x mount -o "remount,bind,$flags" "$inside"
done
shift

x mount -o remount,bind,ro,nosuid,nodev "$R${SOURCE_PATH}"
x mount -o remount,bind,ro,nosuid,noexec "$R/dev"
x mount -t proc -o nosuid,nodev,noexec proc /proc
x mount -t proc -o ro,nosuid,nodev,noexec proc "$R/proc"
x mount -o remount,bind,ro,nosuid,nodev "$R"

# sethostname(2) is allowed to the namespace's root, but the sysctl file only to the machine's: perl calls it.
if [ -x "$R/usr/bin/perl" ]; then
  x perl -e '$name = "${STEP_HOST_NAME}"; exit(syscall(170, $name, length $name) == 0 ? 0 : 1)' || :
else
  { echo ${STEP_HOST_NAME} > /proc/sys/kernel/hostname; } 2>/dev/null || :
fi

cd "$R"
exec "$@"`;
