#!/bin/sh
# Of dpkg, the argument is a word; of rpm, how many of the package are left.
set -e
case $1 in
purge)
	# What is not sent yet, and where to go on, is Fluent Bit's; ours is this.
	rm -rf /var/lib/fluent-bit/misp
	rmdir /var/lib/fluent-bit 2>/dev/null || true
	;;
remove | 0) [ ! -d /run/systemd/system ] || systemctl daemon-reload || true ;;
esac
