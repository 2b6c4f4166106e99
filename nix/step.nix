# One build step of altee as a derivation over store paths, with nothing of nixpkgs: the builder is the step's own root.
#
# `request` is the path of a JSON file:
#   name         of the derivation
#   root         store path of the root
#   inputs       store paths that the step reads
#   copies       of those the ones that are copied first: { name, seconds (modification time), path }
#   enter        shell text that becomes the step, made by the executor
#   outputBytes  what the step may leave
#   run          present for a build that must not be taken from a store or a cache: any text not used before
{ request }:
let
  step = builtins.fromJSON (builtins.readFile request);
  root = builtins.storePath step.root;
  libraries = "${root}/usr/lib/x86_64-linux-gnu";
in
derivation (
  {
    inherit root libraries;
    inherit (step) name outputBytes;
    system = "x86_64-linux";
    # Nix's sandbox has no shell: the root's loader starts the root's shell.
    builder = "${libraries}/ld-linux-x86-64.so.2";
    args = [ "--library-path" libraries "${root}/usr/bin/dash" "-eu" ./step.sh ];
    inputs = map builtins.storePath step.inputs;
    copies = map (copy: "${copy.name}:${toString copy.seconds}:${builtins.storePath copy.path}") step.copies;
    enter = builtins.toFile "enter.sh" step.enter;
  }
  // (if step ? run then { inherit (step) run; } else { })
)
