import { yamlText } from './manifest-text.ts';

/** The same in both steps, so that what the first compiles is found by the second. */
const goEnvironment = 'GOCACHE="$CACHE" GO111MODULE=off CGO_ENABLED=0';

/** The part of `app:` for the Go program of {@link goProgram}. */
export function goBuildSection(name: string): string {
  return `\
  build:
    # Debian packages that the build needs. altee.lock pins their versions and digests.
    packages: [golang-go]
    # The folder that is copied in. What is outside of it can't change the image.
    source: src
    # Runs once for these packages, before the source is there: compiles the parts of the standard library that
    # the program imports. Delete it and the program is the same, only built more slowly.
    prepare: ${goEnvironment} go build -trimpath fmt os strings
    # Runs in the source folder, without a network. The result goes to $OUT.
    run: >-
      ${goEnvironment}
      go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$OUT/${name}" .
    # The executable that is started, in $OUT.
    entrypoint: ${yamlText(name)}
  args: [--greeting, hi]
  # The whole environment: nothing else is set.
  env: { LOG: info }
`;
}

/** A program that says what it sees, for a first look at the inside of an image. */
export function goProgram(name: string): string {
  return `\
// Command ${name} says hello and what it sees of the image that it runs in.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	fmt.Println("Hello from ${name}")
	fmt.Println("arguments:  ", strings.Join(os.Args[1:], " "))
	fmt.Println("environment:", strings.Join(os.Environ(), " "))
	fmt.Println("user:       ", os.Getuid(), "group:", os.Getgid())
}
`;
}
