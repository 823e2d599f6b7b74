# One TLS stack: rustls with ring. A second one doubles the attack surface and fights over the default provider.
set -uo pipefail

if ! tree=$(cargo tree --locked -e normal,build --workspace --prefix none --format '{p}' 2>&1); then
  echo "cargo tree failed: $tree"
  exit 1
fi
wrong=0
packages=$(awk 'NF {print $1, $2}' <<<"$tree" | sort -u)
second=$(grep -E '^(aws-lc-rs|aws-lc-sys|aws-lc-fips-sys|openssl|openssl-sys|native-tls|tokio-native-tls|hyper-tls|boring|boring-sys|s2n-tls|mbedtls) ' <<<"$packages")
while read -r name version; do
  [ -n "$name" ] || continue
  echo "$name $version is a second TLS stack. Find the feature that brings it and turn it off: cargo tree -e normal,build,features -i $name"
  wrong=1
done <<<"$second"
for name in rustls ring; do
  versions=$(grep -E "^$name " <<<"$packages" | awk '{print $2}')
  if [ "$(grep -c . <<<"$versions")" -gt 1 ]; then
    echo "$name is there more than once ($(tr '\n' ' ' <<<"$versions")): the older one comes from somewhere; cargo tree -i $name@<version>"
    wrong=1
  fi
done
[ $wrong -eq 0 ] && echo "$(awk '/^rustls /{print "rustls", $2}' <<<"$packages") and $(awk '/^ring /{print "ring", $2}' <<<"$packages"), nothing else"
exit $wrong
