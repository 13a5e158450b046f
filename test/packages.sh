#!/bin/sh
# Installs, upgrades, removes and purges the .deb in a fresh Debian, and looks
# at what is there after each step. Needs root and debootstrap.
#
#	packages.sh FILE.deb
#
# RELEASE is the Debian, bookworm by default; ROOT a directory with one that
# is to be copied instead of made anew.
set -eu
deb=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
if [ -n "${ROOT:-}" ]; then
	cp -a "$ROOT" "$root"
else
	debootstrap --variant=minbase "${RELEASE:-bookworm}" "$root" >"$work/log" || { cat "$work/log"; exit 1; }
fi

# inside runs a command in the Debian. Nothing of the machine is mounted there.
inside() { LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
fail() { echo "packages.sh: $*" >&2; exit 1; }
is() { # is FILE OWNER:GROUP MODE
	got=$(inside stat -c '%U:%G %a' "$1") || fail "$1 is not there"
	[ "$got" = "$2 $3" ] || fail "$1 is $got, want $2 $3"
}
gone() { for f; do [ ! -e "$root$f" ] || fail "$f is there still"; done; }

step() { echo "== $*"; }

step "install $(basename "$deb")"
inside groupadd --system wazuh
cp "$deb" "$root/1.deb"
inside dpkg -i /1.deb
is /usr/lib/fluent-bit/flb-filter_misp.so root:root 644
is /usr/bin/mispctl root:root 755
is /etc/fluent-bit/misp.conf root:root 644
is /etc/fluent-bit/misp.env root:fluent-bit 640
is /var/lib/fluent-bit root:root 750
is /usr/lib/systemd/system/fluent-bit.service.d/misp.conf root:root 644
is /usr/share/man/man1/mispctl.1.gz root:root 644
[ "$(inside readlink /usr/lib/fluent-bit/out_misp.so)" = flb-filter_misp.so ] || fail "out_misp.so is not a link"
inside id -nG fluent-bit | grep -qw wazuh || fail "fluent-bit is not in the group wazuh"
inside md5sum --quiet -c /var/lib/dpkg/info/fluent-bit-misp.md5sums || fail "files are not what the package says"

step "check the example configuration"
inside sh -c 'cp /usr/share/doc/fluent-bit-misp/examples/fluent-bit.conf /etc/fluent-bit/'
mkdir -p "$root/var/ossec/logs/alerts"
echo '{}' >"$root/var/ossec/logs/alerts/alerts.json"
(umask 077 && echo 0123456789012345678901234567890123456789 >"$root/etc/fluent-bit/misp.key")
inside mispctl check || fail "the example is not right after an installation"

step "upgrade, with a changed configuration"
echo 'MISP_API_KEY=mine' >>"$root/etc/fluent-bit/misp.env"
mkdir "$root/var/lib/fluent-bit/misp"
echo late >"$root/var/lib/fluent-bit/misp/queue"
dpkg-deb -R "$deb" "$work/next"
sed -i 's/^Version: .*/Version: 999/' "$work/next/DEBIAN/control"
echo '# next' >>"$work/next/etc/fluent-bit/misp.env"
dpkg-deb --root-owner-group -b "$work/next" "$root/2.deb" >/dev/null
inside dpkg --force-confold -i /2.deb
[ "$(inside dpkg-query -W -f '${Version}' fluent-bit-misp)" = 999 ] || fail "it was not upgraded"
grep -q MISP_API_KEY=mine "$root/etc/fluent-bit/misp.env" || fail "the key is lost"
grep -q late "$root/var/lib/fluent-bit/misp/queue" || fail "the queue is lost"

step "remove"
inside dpkg -r fluent-bit-misp
gone /usr/lib/fluent-bit/flb-filter_misp.so /usr/lib/fluent-bit/out_misp.so /usr/bin/mispctl /usr/lib/systemd/system/fluent-bit.service.d
grep -q MISP_API_KEY=mine "$root/etc/fluent-bit/misp.env" || fail "the key is lost"
grep -q late "$root/var/lib/fluent-bit/misp/queue" || fail "the queue is lost"

step "install again, and purge"
inside dpkg --force-confold -i /1.deb
grep -q MISP_API_KEY=mine "$root/etc/fluent-bit/misp.env" || fail "the key is lost"
inside dpkg -P fluent-bit-misp
gone /etc/fluent-bit/misp.env /etc/fluent-bit/misp.conf /var/lib/fluent-bit/misp
[ -e "$root/etc/fluent-bit/fluent-bit.conf" ] || fail "a file of Fluent Bit's is gone"
! inside dpkg-query -W fluent-bit-misp 2>/dev/null || fail "dpkg still knows it"
left=$(find "$root" -xdev -name '*misp*' ! -path '*/etc/fluent-bit/misp.key' ! -path "$root/[12].deb")
[ -z "$left" ] || fail "left behind: $left"
echo "All is well."
