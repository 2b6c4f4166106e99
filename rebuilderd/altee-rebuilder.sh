#!/bin/sh
# Back end of rebuilderd's worker for altee. Called with the path of a tar of a release folder; rebuilds the release from
# its own manifest, lock and source, and leaves the files in $REBUILDERD_OUTDIR, where the worker compares them with the
# published ones. Where it cannot be rebuilt nothing is left there: the worker goes by the files, not by the exit status.
#
# From the worker's environment, all optional:
#   ALTEE                the command (default: altee on the path)
#   ALTEE_CACHE          a store to keep between rebuilds; without it each begins with an empty one, and reuses nothing
#   ALTEE_VENDOR, ALTEE_DEBIAN_MIRROR   where inputs may come from
#   ALTEE_EXECUTOR       sandbox, docker or nix
#   ALTEE_REBUILDER_TMP  a folder on a disk with 15 GB to spare (default: /var/tmp)
set -eu

release=$1
: "${REBUILDERD_OUTDIR:?is set by the worker}"
work=$(mktemp -d "${ALTEE_REBUILDER_TMP:-/var/tmp}/altee-rebuilder.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if [ -z "${ALTEE_CACHE:-}" ]; then
	ALTEE_CACHE=$work/store
	export ALTEE_CACHE
fi

# These three are all that a build reads. Nothing else is unpacked: what was published must not be what is "rebuilt".
take() {
	pattern=$(echo "$1" | sed 's/\./\\./')
	member=$(tar --list --file="$release" | grep -E -m 1 "^(\./)?([^/]+/)?$pattern\$") || {
		echo "altee-rebuilder: \"$release\" holds no $1: it is no tar of an altee release" >&2
		exit 1
	}
	tar --extract --to-stdout --file="$release" -- "$member" >"$2"
}
mkdir "$work/project"
take source.tar "$work/source.tar"
tar --extract --no-same-owner --no-same-permissions --directory="$work/project" --file="$work/source.tar"
for name in altee.yaml altee.lock; do
	take "$name" "$work/$name"
	# In place of whatever the source put there, never through it.
	rm -rf "${work:?}/project/$name"
	mv "$work/$name" "$work/project/$name"
done

"${ALTEE:-altee}" build "$work/project/altee.yaml" --frozen --out "$work/dist" ${ALTEE_EXECUTOR:+--executor "$ALTEE_EXECUTOR"}

find "$work/dist" -mindepth 1 -maxdepth 1 -type f ! -name SHA256SUMS -exec cp -- '{}' "$REBUILDERD_OUTDIR/" ';'
