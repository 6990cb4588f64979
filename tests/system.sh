#!/usr/bin/env bash
# Debian packages that tests need beyond Python: the browser and database servers; with the argument java, what Spark runs on.
# Installs only what is missing.
set -euo pipefail
packages=(chromium fonts-dejavu-core postgresql mariadb-server)
if [ "${1:-}" = java ]; then
  if command -v java >/dev/null; then exit 0; fi
  packages=(openjdk-17-jre-headless)
fi
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "make system: not root on Debian, so ${missing[*]} cannot be installed here; the tests that need them are skipped"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
