# What can be seen by looking at the text alone.
set -uo pipefail

wrong=0
complain() {
  echo "$1"
  [ -z "$2" ] || sed 's/^/  /' <<<"$2"
  wrong=1
}
found() {
  local hits
  hits=$(grep -rnE --include='*.rs' "$2" "${@:3}")
  [ -z "$hits" ] || complain "$1" "$hits"
}

# 900 lines are two files that nobody has told apart yet.
long=$(find crates/*/src -name '*.rs' -exec wc -l {} + | awk '$2 != "total" && $1 > 900 {print $2 ": " $1 " lines"}')
[ -z "$long" ] || complain "files over 900 lines: name the two ideas in each and split it" "$long"

vague=$(find crates tests -path tests/cluster -prune -o \( -name 'utils*' -o -name 'helpers*' -o -name 'misc*' -o -name 'common.rs' -o -name 'common' \) -print)
[ -z "$vague" ] || complain "names that say nothing: name the file after what is in it" "$vague"

found "unfinished code: finish it, or take it out and leave an issue" '\b(todo|unimplemented|dbg)!' crates tests
found "ignored tests rot: repair or delete them" '#\[ignore' crates tests

# Time is an argument there, and the same input gives the same output in every process.
pure=(crates/core/src crates/engine/src crates/sim/src crates/rig/src crates/checkers/src)
found "a clock: time is an argument here (Now, or virtual milliseconds)" \
  '\b(Timestamp|Zoned|Instant|SystemTime|Utc|Local)::now\b' "${pure[@]}"
found "the world outside: these crates do no IO" '\bstd::(net|fs|env|process|thread)\b' \
  crates/core/src crates/engine/src crates/sim/src crates/rig/src
found "a map whose order differs from process to process: use BTreeMap or BTreeSet" '\bHash(Map|Set)\b' \
  crates/core/src crates/engine/src crates/rig/src

# What is drawn by chance or sleeps makes a test that fails now and then.
found "a test that sleeps: wait for a condition, with a time-out" '\bthread::sleep\b' crates/*/tests tests/scenarios

# CRDs: whether they are stale a test of breakwater-api tells; that they are there is told here.
for kind in storefront storefrontclass regionswitch; do
  [ -e "crds/$kind.yaml" ] || complain "crds/$kind.yaml is missing: make crds" ""
done
[ $wrong -eq 0 ] && echo "$(find crates tests -name '*.rs' | wc -l | tr -d ' ') files"
exit $wrong
