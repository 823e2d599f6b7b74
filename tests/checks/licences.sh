# Licences of everything that we build with. Permissive ones only: what we ship must stay under Apache-2.0.
set -uo pipefail

allowed=(
  Apache-2.0
  MIT
  BSD-2-Clause
  BSD-3-Clause
  ISC
  0BSD
  Zlib
  BSL-1.0             # Boost: as MIT, without a notice in binaries
  Unlicense
  Unicode-3.0         # tables of icu, unicode-ident
  BlueOak-1.0.0       # minicbor: permissive, with a patent grant
  CDLA-Permissive-2.0 # webpki-roots: a list of certificates, not code
)

if ! tree=$(cargo tree --locked -e normal,build,dev --workspace --prefix none --format '{p}|{l}' 2>&1); then
  echo "cargo tree failed: $tree"
  exit 1
fi

is_allowed() {
  local licence
  for licence in "${allowed[@]}"; do
    [ "$1" = "$licence" ] && return 0
  done
  return 1
}

# An expression passes when each part that AND joins offers one licence of the list. Parentheses may be dropped: where
# AND stands inside an OR this is stricter than it need be, never laxer.
passes() {
  local part licence one
  while read -r part; do
    one=1
    while read -r licence; do
      is_allowed "${licence%% WITH *}" && one=0
    done < <(sed -E 's# OR |/#\n#g' <<<"$part" | sed -E 's/^ +| +$//g')
    [ $one -eq 0 ] || return 1
  done < <(tr -d '()' <<<"$1" | sed 's/ AND /\n/g')
}

wrong=0
count=0
while IFS='|' read -r package licence; do
  [ -n "$package" ] || continue
  count=$((count + 1))
  if [ -z "$licence" ]; then
    echo "$package names no licence: do without it, or read its licence file and say so here"
    wrong=1
  elif ! passes "$licence"; then
    echo "$package is under '$licence', which is not in the list of tests/checks/licences.sh: do without it, or add it with a reason"
    wrong=1
  fi
done < <(sed -E 's/ \(\*\)$//; s/ \((proc-macro|\/[^)]*)\)//g' <<<"$tree" | sort -u)
[ $wrong -eq 0 ] && echo "$count packages, all under permissive licences"
exit $wrong
