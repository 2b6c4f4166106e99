# The builder of step.nix, run by the root's dash in Nix's sandbox. It makes the step see what it sees under every
# executor, runs it in namespaces of its own, keeps its bounds, and reports how it ended as the log's last line.

x() { tool=$1; shift; "$builder" --library-path "$libraries" "$root/usr/bin/$tool" "$@"; }
report() { echo "altee-nix-step: $*"; exit 1; }

# In Nix's sandbox the builder is the first process of a PID namespace. Without the sandbox it is one of many.
[ $$ = 1 ] || report no-sandbox

umask 022
top=$NIX_BUILD_TOP
x mkdir "$top/root" "$top/directories" "$top/inputs" "$top/work" "$out"
x mkfifo "$top/log"

# Nix keeps directories with mode 555, a root has 755. In an overlay, the attributes of the upper directory count.
list_directories() {
  for entry in "$root/$1"* "$root/$1".[!.]* "$root/$1"..?*; do
    if [ -d "$entry" ] && [ ! -L "$entry" ]; then
      entry=${entry#"$root/"}
      list="$list$entry
"
      list_directories "$entry/"
    fi
  done
}
list=
list_directories ''
(
  cd "$top/directories"
  set -f
  IFS='
'
  x mkdir $list
  set -- tmp var/tmp
  for directory do
    if [ -d "$directory" ]; then x chmod 1777 "$directory"; fi
  done
  x touch -d @1 $list
)

# Inputs that their owner may write to are so again, and have the time that they had.
set_time() {
  if [ -x "$root/usr/bin/find" ]; then
    x find "$1" -exec "$builder" --library-path "$libraries" "$root/usr/bin/touch" -h -d "@$2" '{}' +
    return
  fi
  if [ -d "$1" ]; then
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
      if [ -d "$entry" ] && [ ! -L "$entry" ]; then set_time "$entry" "$2"; fi
    done
    set -- "$2" "$1" "$1"/* "$1"/.[!.]* "$1"/..?*
  else
    set -- "$2" "$1"
  fi
  seconds=$1
  shift
  # A pattern that matches nothing is the name of no file.
  x touch -c -h -d "@$seconds" -- "$@"
}
for copy in $copies; do
  name=${copy%%:*} rest=${copy#*:}
  x cp -R -P "${rest#*:}" "$top/inputs/$name"
  x chmod -R u+w "$top/inputs/$name"
  set_time "$top/inputs/$name" "${rest%%:*}"
done

JOBS=${NIX_BUILD_CORES:-0}
if [ "$JOBS" = 0 ]; then JOBS=$(x nproc); fi
export JOBS top

# Nix gives its builders a terminal; a step has a pipe.
x cat "$top/log" &
reader=$!
x unshare --user --map-root-user --mount \
  "$builder" --library-path "$libraries" "$root/usr/bin/dash" -eu "$enter" > "$top/log" 2>&1 3> "$top/ready" &
step=$!

stop() { echo "$1" > "$top/reason"; kill -KILL "$step"; exit; }
watch() {
  second=0
  while x sleep 1; do
    for place in "$out" "$top"; do
      set -- $(x stat -f -c '%a %S' "$place")
      if [ $(($1 * $2)) -lt 268435456 ]; then stop disk-full; fi
    done
    second=$(((second + 1) % 5))
    # Reading a large tree takes long: not each time.
    if [ $second = 1 ]; then
      set -- $(x du -s -B 1 "$out" 2> /dev/null)
      if [ "${1:-0}" -gt "$outputBytes" ]; then stop output-size; fi
    fi
  done
}
watch &
watcher=$!

status=0
wait $step || status=$?
kill $watcher 2> /dev/null || :
wait $reader || :

if [ -s "$top/reason" ]; then
  read -r reason < "$top/reason"
  report stopped "$reason"
fi
if [ ! -s "$top/ready" ]; then report not-entered; fi
if [ $status != 0 ]; then report failed $status; fi

# What Nix can't keep, or not as it is: special files, and directories closed to their owner.
check_output() {
  if [ ! -r "$1" ] || [ ! -w "$1" ] || [ ! -x "$1" ]; then x chmod 755 "$1"; fi
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -L "$entry" ] || [ -f "$entry" ]; then continue; fi
    if [ -d "$entry" ]; then check_output "$entry"; continue; fi
    if [ -e "$entry" ]; then report special-file "${entry#"$out/"}"; fi
  done
}
x chmod 755 "$out"
check_output "$out"
