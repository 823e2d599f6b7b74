#!/usr/bin/env bash
# Applies each mutant to a scratch copy of the tree and runs the test that must catch it.
#
# usage: tests/mutants/run.sh [PART-OF-NAME...]
#
# A mutant is a patch with three lines before it: what is broken, `# breaks: <invariant>`, and `# caught by: <test>`, a
# test of the package breakwater-scenarios. Printed beside it is who objected: the checkers of crates/checkers, or the
# test's own assertion, whichever came first. The scratch copies share one build folder, so that only what a mutant touches is built anew.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$root/target/mutants
tree=$scratch/tree
log=$scratch/log
cargo=${CARGO:-cargo}

# Found by the test only if the whole of it can be seen: without a ceiling git takes the scratch copy for a part of this
# repository, and skips what lies outside.
export GIT_CEILING_DIRECTORIES=$scratch
export CARGO_TARGET_DIR=$scratch/build
# Small builds count for more than fast runs here.
options=(-p breakwater-scenarios --test scenarios)
for crate in core engine sim rig; do
  options+=(--config "profile.dev.package.breakwater-$crate.opt-level=1")
done

rm -rf "$tree"
mkdir -p "$tree/tests" "$log"
cp -R "$root/Cargo.toml" "$root/Cargo.lock" "$root/crates" "$tree/"
cp -R "$root/tests/scenarios" "$root/tests/e2e" "$tree/tests/"
[ -e "$root/rust-toolchain.toml" ] && cp "$root/rust-toolchain.toml" "$tree/"
cd "$tree"

wanted() {
  [ $# -eq 1 ] && return 0
  local name=$1 part
  shift
  for part in "$@"; do
    [[ $name == *"$part"* ]] && return 0
  done
  return 1
}

mutants=()
tests=()
broken=()
for patch in "$root"/tests/mutants/*.patch; do
  name=$(basename "$patch" .patch)
  wanted "$name" "$@" || continue
  test=$(sed -n 's/^# caught by: //p' "$patch")
  [ -n "$test" ] || { echo "$name names no test (a line '# caught by: <test>')" >&2; exit 1; }
  invariant=$(sed -n 's/^# breaks: //p' "$patch")
  [ -n "$invariant" ] || { echo "$name names no invariant (a line '# breaks: <I1..I10>')" >&2; exit 1; }
  mutants+=("$name")
  broken+=("$invariant")
  tests+=("$test")
done

# Without a mutant every named test passes, else it would catch anything.
if ! "$cargo" test "${options[@]}" -- --exact "${tests[@]}" >"$log/none" 2>&1; then
  tail -n 40 "$log/none" >&2
  echo "the tests fail without any mutant; see $log/none" >&2
  exit 1
fi

# The checkers whose violations a log shows.
objected() {
  local found
  found=$(grep -oE '^(I[0-9]+|cause|journal-first|exclusion|fence-owed) [0-9]{4}-' "$1" | cut -d' ' -f1 | sort -u | paste -sd, -)
  echo "${found:-the test itself}"
}

printf '%-34s  %-6s  %-86s  %-24s  %s\n' mutant breaks 'caught by' 'who objected' caught
status=0
for i in "${!mutants[@]}"; do
  who=-
  name=${mutants[$i]} test=${tests[$i]} patch=$root/tests/mutants/${mutants[$i]}.patch
  if ! git apply "$patch" 2>"$log/$name"; then
    verdict='does not apply'
  elif ! "$cargo" test "${options[@]}" --no-run >"$log/$name" 2>&1; then
    verdict='does not build'
  elif "$cargo" test "${options[@]}" -- --exact "$test" >"$log/$name" 2>&1; then
    verdict=no
  elif grep -q '^test result: FAILED. 0 passed; 1 failed' "$log/$name"; then
    verdict=yes who=$(objected "$log/$name")
  else
    verdict='not run'
  fi
  [ "$verdict" = yes ] || status=1
  [ "$verdict" = 'does not apply' ] || git apply -R "$patch"
  printf '%-34s  %-6s  %-86s  %-24s  %s\n' "$name" "${broken[$i]}" "$test" "$who" "$verdict"
done
[ $status -eq 0 ] || echo "see $log/<mutant>" >&2
exit $status
