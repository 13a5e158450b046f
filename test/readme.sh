#!/bin/sh
# Does what the README says under "Install", word by word, in a fresh Debian,
# and fails if no enriched alert is shown, or if it takes more than five
# commands. Needs root, debootstrap and a Fluent Bit.
#
#	readme.sh FILE.deb
#
# The Debian is that of this machine, for which Fluent Bit was built; ROOT names
# a directory with one that is to be copied instead of made anew. FLUENT_BIT
# names the Fluent Bit, by default the one on the PATH. Three things are not as
# they will be: MISP is that of mispctl serve, the key comes from its standard
# input, and systemctl, as there is no systemd in the root, is a script that
# starts what the unit and its drop-in say.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
deb=$(realpath "$1")
readme=$(dirname "$0")/../README.md
flb=${FLUENT_BIT:-$(command -v fluent-bit || echo /opt/fluent-bit/bin/fluent-bit)}
seconds=20 # that an alert may take from command to screen
work=$(mktemp -d)
misp=
trap 'discard; [ -z "$misp" ] || kill "$misp"; rm -rf "$work"' EXIT

fail() { echo "readme.sh: $*" >&2; exit 1; }

# fresh copies the Debian to $work/root; discard ends what runs in the copy, and
# removes it.
fresh() {
	discard
	cp -a "$work/debian" "$work/root"
	mount -t proc proc "$work/root/proc"
}
discard() {
	[ ! -s "$work/root/tmp/pid" ] || kill -9 "$(cat "$work/root/tmp/pid")" 2>/dev/null || true
	[ ! -e "$work/root/proc/self" ] || umount "$work/root/proc"
	rm -rf "$work/root"
}

# commands prints the commands of the README, one a line.
commands() { awk '/^## / { in_it = $0 == "## Install" } in_it && /^```/ { code = !code && $0 == "```sh"; next } in_it && code' "$readme"; }

# debian makes the root: Debian, Fluent Bit as its package has it, and Wazuh's
# directory of alerts.
debian() {
	if [ -n "${ROOT:-}" ]; then
		cp -a "$ROOT" "$1"
	else
		. /etc/os-release
		debootstrap --variant=minbase "$VERSION_CODENAME" "$1" >"$work/log" || { cat "$work/log"; exit 1; }
	fi
	mkdir -p "$1/opt/fluent-bit/bin" "$1/etc/fluent-bit" "$1/usr/lib/systemd/system" "$1/var/ossec/logs/alerts"
	cp -L "$flb" "$1/opt/fluent-bit/bin/fluent-bit"
	ldd "$flb" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while read -r lib; do
		[ -e "$1$lib" ] || cp -L "$lib" "$1/usr/lib/x86_64-linux-gnu/"
	done
	cat >"$1/usr/lib/systemd/system/fluent-bit.service" <<-'END'
		[Service]
		ExecStart=/opt/fluent-bit/bin/fluent-bit -c /etc/fluent-bit/fluent-bit.conf
	END
	cat >"$1/usr/bin/systemctl" <<-'END'
		#!/bin/sh
		unit=/usr/lib/systemd/system/$2.service
		[ "$1" = restart ] && [ -e "$unit" ] || exit 1
		cat "$unit" "$unit".d/*.conf 2>/dev/null | sed -n 's/^EnvironmentFile=-//p' | while read -r f; do cat "$f"; done >/tmp/env
		set -a && . /tmp/env
		$(sed -n 's/^ExecStart=//p' "$unit") >/tmp/fluent-bit.log 2>&1 </dev/null &
		echo $! >/tmp/pid
	END
	chmod 755 "$1/usr/bin/systemctl"
	ln -sf /proc/self/fd/0 "$1/dev/stdin"
	chroot "$1" groupadd --system wazuh
	chroot "$1" chgrp -R wazuh /var/ossec
	sed "s/NOW/$(date +%Y-%m-%dT%H:%M:%S.000%z)/" "$(dirname "$0")/demo/alerts.json" >"$1/var/ossec/logs/alerts/alerts.json"
	cp "$deb" "$1/root/"
}

# follow does in the copy what a file of commands says, and prints what the last
# one, which goes on until it is ended, shows first; it returns 1 if that is
# nothing.
follow() {
	i=0
	while IFS= read -r command; do
		i=$((i + 1))
		command=$(printf %s "$command" | sed "s,https://your.misp,$url,")
		echo "# $command"
		if [ "$i" = "$n" ]; then
			timeout "$seconds" chroot "$work/root" sh -c "cd /root && $command" 2>/dev/null | head -n 1 | grep . || return 1
		else
			printf '%s\n' "$key" | chroot "$work/root" sh -c "cd /root && $command" >"$work/said" 2>&1 ||
				{ sed 's/^/    /' "$work/said"; return 1; }
		fi
	done <"$1"
}

[ -x "$flb" ] || fail "there is no Fluent Bit: name one by FLUENT_BIT"
mispctl=$work/mispctl
dpkg-deb --fsys-tarfile "$deb" | tar -xO ./usr/bin/mispctl >"$mispctl"
chmod 755 "$mispctl"
"$mispctl" serve --listen 127.0.0.1:0 >"$work/misp" &
misp=$!
while [ ! -s "$work/misp" ]; do sleep 0.1; done
url=$(sed 's/.*MISP_URL=\([^ ]*\).*/\1/' "$work/misp")
key=$(sed 's/.*MISP_API_KEY=//' "$work/misp")

commands >"$work/commands"
n=$(wc -l <"$work/commands")
case $n in [2-5]) ;; *) fail "the README has $n commands" ;; esac
debian "$work/debian"
fresh
follow "$work/commands" | tee "$work/shown"
grep -q '"misp_verdict":"hit"' "$work/shown" || { cat "$work/root/tmp/fluent-bit.log" 2>/dev/null || true; fail "no alert with a hit was shown"; }

# A README that lacks any one of the commands is found out.
seconds=5
for i in $(seq "$n"); do
	sed "${i}s/.*/true/" "$work/commands" >"$work/fewer"
	fresh
	if follow "$work/fewer" >/dev/null; then
		fail "it works without: $(sed -n "${i}p" "$work/commands")"
	fi
done
echo "All is well."
