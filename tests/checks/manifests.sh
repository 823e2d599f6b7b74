# One place for versions and lints, and a lock file that says the same as the manifests.
set -uo pipefail

wrong=0
complain() {
  echo "$1"
  [ -z "$2" ] || sed 's/^/  /' <<<"$2"
  wrong=1
}
own=$(grep -nE '^[a-z0-9_-]+ *= *("[0-9^~=<>*]|\{[^}]*(version|git|path) *=)' crates/*/Cargo.toml tests/*/Cargo.toml)
[ -z "$own" ] || complain "a version of its own: put it into [workspace.dependencies] of Cargo.toml and write 'workspace = true'" "$own"
for manifest in crates/*/Cargo.toml tests/*/Cargo.toml; do
  grep -A1 '^\[lints\]' "$manifest" | grep -q '^workspace = true' ||
    complain "$manifest does not take the workspace's lints: add [lints] workspace = true" ""
done
if ! said=$(cargo tree --locked --workspace --depth 0 2>&1 >/dev/null); then
  complain "Cargo.lock does not fit the manifests: run cargo build once and commit the lock file" "$said"
fi
[ $wrong -eq 0 ] && echo "versions, lints and Cargo.lock agree"
exit $wrong
