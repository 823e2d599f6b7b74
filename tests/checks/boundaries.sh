# What a crate may know. The tree of its normal dependencies, whole, must not hold what it must not know.
set -uo pipefail

# package | our own crates in its tree | others that may not be there (a regular expression, whole names)
clouds='aws-.*|cloudflare'
cluster='kube|kube-.*|k8s-openapi'
async='tokio|tokio-.*|futures|async-std|smol'
http='http|hyper|hyper-.*|reqwest|axum|ureq'
rules="
breakwater-core       |                      | $async|$http|$cluster|$clouds|rand|tracing|log
breakwater-engine     | core                 | $async|$http|$cluster|$clouds|rand|tracing|log
breakwater-api        | core                 | $clouds|reqwest|axum
breakwater-providers  | core engine          | $cluster
breakwater-controller | core api engine providers |
breakwater-sim        |                      | $async|$http|$cluster|$clouds|jiff|chrono|time
breakwater-world      | sim                  | $cluster|$clouds|reqwest
breakwater-rig        | core engine sim      | $async|$http|$cluster|$clouds
breakwater-checkers   |                      | $async|$http|$cluster|$clouds
breakwater-cli        | core api             | $clouds
breakwater-scenarios  | core engine sim rig checkers | $async|$http|$cluster|$clouds
breakwater-e2e        | core api checkers    | $clouds
"

wrong=0
complain() {
  echo "$*"
  wrong=1
}

# The first name in a manifest is the package's; those after it are of its programs.
names=$(for manifest in crates/*/Cargo.toml tests/*/Cargo.toml; do
  sed -n 's/^name = "\(.*\)"/\1/p' "$manifest" | head -1
done)
count=0
for package in $names; do
  rule=$(grep -E "^$package +\|" <<<"$rules")
  if [ -z "$rule" ]; then
    complain "$package has no rule: say in tests/checks/boundaries.sh which of our crates it may know, and what it may not"
    continue
  fi
  own=" $(cut -d'|' -f2 <<<"$rule") "
  others=$(cut -d'|' -f3- <<<"$rule" | tr -d ' ')
  if ! tree=$(cargo tree --locked -e normal -p "$package" --prefix none --format '{p}' 2>&1); then
    echo "cargo tree -p $package failed: $tree"
    exit 1
  fi
  count=$((count + 1))
  for known in $(awk 'NF {print $1}' <<<"$tree" | sort -u); do
    [ "$known" = "$package" ] && continue
    if [[ $known == breakwater-* ]]; then
      allowed=0
      [[ $own == *" ${known#breakwater-} "* ]] && allowed=1
    else
      allowed=1
      [ -n "$others" ] && grep -qxE "$others" <<<"$known" && allowed=0
    fi
    [ $allowed -eq 1 ] || complain "$package must not know $known. Who brings it: cargo tree -e normal -p $package -i $known"
  done
done
[ $wrong -eq 0 ] && echo "$count crates know only what they may (docs/architecture.md)"
exit $wrong
