#!/bin/sh
# Installs, upgrades and removes a package in a fresh Debian, and looks at what
# is there after each step; the .deb it also purges. Needs root and debootstrap,
# for the .rpm also rpm, whose scripts run in the Debian as they would elsewhere.
#
#	packages.sh FILE.deb
#	packages.sh FILE.rpm
#
# RELEASE is the Debian, bookworm by default; ROOT a directory with one that
# is to be copied instead of made anew.
set -eu
package=$(realpath "$1")
kind=${package##*.}
cd "$(dirname "$0")/.."
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

# What the two kinds of package differ in: next makes one of a later version,
# with other configuration files where that can be had.
case $kind in
deb)
	install() { cp "$1" "$root/1.deb" && inside dpkg --force-confold -i /1.deb; }
	remove() { inside dpkg -r fluent-bit-misp; }
	version() { inside dpkg-query -W -f "\${Version}" fluent-bit-misp; }
	whole() { inside md5sum --quiet -c /var/lib/dpkg/info/fluent-bit-misp.md5sums; }
	next() {
		dpkg-deb -R "$package" "$work/next"
		sed -i 's/^Version: .*/Version: 999/' "$work/next/DEBIAN/control"
		echo '# next' >>"$work/next/etc/fluent-bit/misp.env"
		dpkg-deb --root-owner-group -b "$work/next" "$work/next.deb" >/dev/null
	}
	kept=/etc/fluent-bit/misp.env
	;;
rpm)
	install() { rpm --root "$root" --nodeps -U "$1"; }
	remove() { rpm --root "$root" -e fluent-bit-misp; }
	version() { rpm --root "$root" -q --qf '%{VERSION}' fluent-bit-misp; }
	whole() { rpm --root "$root" -V --nodeps fluent-bit-misp; }
	next() {
		nfpm=$(sed -n 's/^NFPM *:= *//p' Makefile)
		VERSION=999.0.0 MAINTAINER='Nobody <nobody@localhost>' CGO_ENABLED=0 \
			go run "$nfpm" package -f packaging/nfpm.yaml -p rpm -t "$work/next.rpm"
	}
	kept=/etc/fluent-bit/misp.env.rpmsave
	rpm --root "$root" --initdb
	;;
*) fail "$1 is no .deb and no .rpm" ;;
esac

step "install $(basename "$package")"
inside groupadd --system wazuh
install "$package"
is /usr/lib/fluent-bit/flb-filter_misp.so root:root 644
is /usr/bin/mispctl root:root 755
is /etc/fluent-bit/misp.conf root:root 644
is /etc/fluent-bit/misp.env root:fluent-bit 640
is /var/lib/fluent-bit root:root 750
is /usr/lib/systemd/system/fluent-bit.service.d/misp.conf root:root 644
is /usr/share/man/man1/mispctl.1.gz root:root 644
for file in grafana/health.json grafana/hits.json prometheus/alerts.yaml; do
	is /usr/share/fluent-bit-misp/$file root:root 644
done
inside mispctl version | grep -qF "version $(version | tr '~' '-')," || fail "mispctl does not say the version of the package"
[ "$(inside readlink /usr/lib/fluent-bit/out_misp.so)" = flb-filter_misp.so ] || fail "out_misp.so is not a link"
inside id -nG fluent-bit | grep -qw wazuh || fail "fluent-bit is not in the group wazuh"
whole || fail "files are not what the package says"

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
next
install "$work/next.$kind"
case $(version) in 999*) ;; *) fail "it was not upgraded" ;; esac
grep -q MISP_API_KEY=mine "$root/etc/fluent-bit/misp.env" || fail "the key is lost"
grep -q late "$root/var/lib/fluent-bit/misp/queue" || fail "the queue is lost"
is /usr/bin/mispctl root:root 755
[ -e "$root/usr/lib/fluent-bit/flb-filter_misp.so" ] || fail "the plugin is gone after an upgrade"

step "remove"
remove
gone /usr/lib/fluent-bit/flb-filter_misp.so /usr/lib/fluent-bit/out_misp.so /usr/bin/mispctl /usr/lib/systemd/system/fluent-bit.service.d /usr/share/fluent-bit-misp
grep -q MISP_API_KEY=mine "$root$kept" || fail "the key is lost"
grep -q late "$root/var/lib/fluent-bit/misp/queue" || fail "the queue is lost"

if [ "$kind" = deb ]; then
	step "install again, and purge"
	install "$package"
	grep -q MISP_API_KEY=mine "$root/etc/fluent-bit/misp.env" || fail "the key is lost"
	inside dpkg -P fluent-bit-misp
	gone /etc/fluent-bit/misp.env /etc/fluent-bit/misp.conf /var/lib/fluent-bit/misp
	! version 2>/dev/null || fail "dpkg still knows it"
fi
[ -e "$root/etc/fluent-bit/fluent-bit.conf" ] || fail "a file of Fluent Bit's is gone"
left=$(find "$root" -xdev -name '*misp*' ! -path '*/etc/fluent-bit/misp.key' ! -path "$root$kept" ! -path "$root/var/lib/fluent-bit/misp")
[ -z "$left" ] || fail "left behind: $left"
echo "All is well."
