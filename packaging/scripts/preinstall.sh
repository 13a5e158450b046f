#!/bin/sh
# Before the files are there, some of which are this user's.
set -e
getent group fluent-bit >/dev/null || groupadd --system fluent-bit
getent passwd fluent-bit >/dev/null || useradd --system --gid fluent-bit --no-create-home \
	--home-dir /var/lib/fluent-bit --shell /usr/sbin/nologin --comment "Fluent Bit" fluent-bit
