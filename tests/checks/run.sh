#!/usr/bin/env bash
# The cheap checks: seconds, no build. Each prints what is wrong and what to do about it.
#
# usage: tests/checks/run.sh [NAME...]      (all of them without a name)
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.." || exit 1

checks=("$@")
if [ ${#checks[@]} -eq 0 ]; then
  checks=(manifests boundaries tls licences sources)
fi

failed=()
for check in "${checks[@]}"; do
  if [ ! -f "$here/$check.sh" ]; then
    echo "there is no check $check: use one of $(cd "$here" && echo *.sh | sed 's/run\.sh//; s/\.sh//g')" >&2
    exit 2
  fi
  if said=$(bash "$here/$check.sh" 2>&1); then
    printf 'ok      %-12s %s\n' "$check" "$said"
  else
    printf 'FAILED  %s\n' "$check"
    printf '%s\n' "$said" | sed 's/^/        /'
    failed+=("$check")
  fi
done

if [ ${#failed[@]} -gt 0 ]; then
  echo
  echo "${#failed[@]} of ${#checks[@]} checks failed: ${failed[*]}. One alone: tests/checks/run.sh ${failed[0]}"
  exit 1
fi
