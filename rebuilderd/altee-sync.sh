#!/bin/sh
# Prints what "rebuildctl pkgs sync-stdin" reads. Standard input names the releases, a line each: the name, the version
# and the URL of the release folder; beside the folder stands a tar of it, of the same name with ".tar".
#
#   echo hello 0.1.0 https://example.org/hello-0.1.0 | altee-sync.sh | rebuildctl pkgs sync-stdin altee releases
#
# A sync replaces the former list of the suite: name every release each time.
set -eu

# What of a release is rebuilt and compared.
artifacts='NAME.efi NAME.disk kernel.config measurements.json'

separator='['
while read -r name version url rest; do
	case $name in '' | \#*) continue ;; esac
	if [ -z "$url" ] || [ -n "$rest" ]; then
		echo "altee-sync: a line is a name, a version and a URL: $name $version $url $rest" >&2
		exit 2
	fi
	# Nothing that would need an escape in JSON.
	if printf '%s' "$name$version$url" | LC_ALL=C grep -q '[^][A-Za-z0-9._~:/?#@!$&()*+,;=%-]'; then
		echo "altee-sync: only the characters of URLs: $name $version $url" >&2
		exit 2
	fi
	url=${url%/}
	printf '%s{"name":"%s","version":"%s","distro":"altee","suite":"releases","architecture":"amd64"' "$separator" "$name" "$version"
	printf ',"input_url":"%s.tar","artifacts":[' "$url"
	comma=''
	for artifact in $artifacts; do
		file=$artifact
		case $artifact in NAME.*) file=$name.${artifact#NAME.} ;; esac
		printf '%s{"name":"%s","version":"%s","url":"%s/%s"}' "$comma" "$file" "$version" "$url" "$file"
		comma=','
	done
	printf ']}'
	separator=','
done
if [ "$separator" = '[' ]; then printf '['; fi
printf ']\n'
